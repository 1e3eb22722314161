#include "proxy/tls_server.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "config/certificate.hpp"
#include "proxy/tls_server_stream.hpp"

namespace farebox {
namespace {

// RFC 7301, 3.2: no protocol in common ends the handshake. A client that offers none gets
// HTTP/1.1 as well.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* length,
                    const unsigned char* offered, unsigned int offered_length, void*) {
  static constexpr unsigned char kHttp11[] = "\x08http/1.1";
  unsigned char* match = nullptr;
  if (SSL_select_next_proto(&match, length, kHttp11, sizeof kHttp11 - 1, offered,
                            offered_length) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *chosen = match;
  return SSL_TLSEXT_ERR_OK;
}

bool use(SSL_CTX* context, const Certificate& pair) {
  STACK_OF(X509)* const chain = sk_X509_new_null();
  bool done = chain != nullptr;
  for (const auto& each : pair.chain()) done = done && sk_X509_push(chain, each.get()) > 0;
  // Takes references of its own to all three.
  done = done && SSL_CTX_use_cert_and_key(context, pair.leaf(), pair.key(), chain, 1) == 1;
  sk_X509_free(chain);
  return done;
}

}  // namespace

Result<std::shared_ptr<TlsServer>> TlsServer::create(const TlsSettings& settings) {
  const std::shared_ptr<TlsServer> server(new TlsServer());
  // Before the files are read: what changes meanwhile is looked at again.
  server->stamps_ = Stamps::of(settings);
  const CertificateReading read = read_certificate(settings);
  if (!read.certificate) return Error(ErrorCode::invalid_config, read.why);
  server->not_after_ = read.certificate->not_after();
  server->context_.reset(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
  SSL_CTX* const context = server->context_.get();
  if (context == nullptr) return Error(ErrorCode::invalid_config, "OpenSSL has no TLS to offer");
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // A write that has to wait may come from another buffer when it goes on; buffers of idle
  // connections are given back; one read takes all that has arrived.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  // One read handles one record: else a client that sends no data would hold it for ever.
  SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
  // Sessions live in the clients' tickets, not in our memory.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  static constexpr unsigned char kContext[] = "farebox";
  SSL_CTX_set_session_id_context(context, kContext, sizeof kContext - 1);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  if (!use(context, *read.certificate)) {
    const char* const why = ERR_reason_error_string(ERR_get_error());
    ERR_clear_error();
    return Error(ErrorCode::invalid_config,
                 "OpenSSL refuses the pair of tls.cert_file and tls.key_file (" +
                     std::string(why != nullptr ? why : "no reason given") +
                     "); make a new certificate");
  }
  return server;
}

std::unique_ptr<ByteStream> TlsServer::make_stream(Socket socket) const {
  return make_tls_server_stream(std::move(socket), context_.get());
}

}  // namespace farebox
