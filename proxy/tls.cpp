#include "proxy/tls.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <mutex>
#include <type_traits>
#include <vector>

#include "config/small_file.hpp"
#include "proxy/tunnel.hpp"
#include "proxy/unreachable.hpp"

namespace farebox {
namespace {

namespace ssl = asio::ssl;

constexpr std::size_t kRecord = 16 << 10;      // one TLS record, and the most we gather
constexpr std::size_t kMostCaOctets = 16 << 20;
constexpr std::size_t kSessionsKept = 8;       // TLS 1.3 tickets are for one use each

struct SessionDeleter {
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
using Session = std::unique_ptr<SSL_SESSION, SessionDeleter>;

using OverSocket = ssl::stream<Socket>;

// `Below` is a Socket, or an OverSocket& when the proxy in between speaks TLS itself.
template <class Below>
class TlsStream final : public ByteStream {
 public:
  // The ssl::stream is built in place: it must never be moved (Asio 1.26).
  // `owner` is what the context's callbacks reach.
  TlsStream(Socket socket, ssl::context& context, std::shared_ptr<void> owner)
    requires std::is_same_v<Below, Socket>
      : owners_{std::move(owner), nullptr}, stream_(std::move(socket), context) {}
  TlsStream(std::unique_ptr<OverSocket> below, std::shared_ptr<void> below_owner,
            ssl::context& context, std::shared_ptr<void> owner)
      : owners_{std::move(owner), std::move(below_owner)},
        below_(std::move(below)),
        stream_(*below_, context) {}

  ssl::stream<Below>& stream() { return stream_; }

  void start_read(std::span<char> into, Sink& sink) override {
    stream_.async_read_some(asio::buffer(into.data(), into.size()),
                            [&sink](error_code ec, std::size_t got) {
                              // A peer that skips close_notify ends the stream without
                              // telling that it is whole: not a clean end.
                              sink.on_read(ec, got);
                            });
  }

  std::size_t try_write(Buffers) override { return 0; }

  void start_write(Buffers data, Sink& sink) override {
    // Head and body leave in one record where they fit.
    asio::const_buffer piece = data.front();
    if (data.size() > 1 && piece.size() < kRecord) {
      gathered_.clear();
      for (const asio::const_buffer& part : data) {
        const std::size_t take = std::min(part.size(), kRecord - gathered_.size());
        const char* octets = static_cast<const char*>(part.data());
        gathered_.insert(gathered_.end(), octets, octets + take);
        if (gathered_.size() == kRecord) break;
      }
      piece = asio::buffer(gathered_);
    }
    stream_.async_write_some(piece,
                             [&sink](error_code ec, std::size_t put) { sink.on_written(ec, put); });
  }

  bool quiet() override {
    if (has_unread(stream_.native_handle())) return false;
    if (below_ && has_unread(below_->native_handle())) return false;
    char octet;
    const ssize_t got = ::recv(stream_.lowest_layer().native_handle(), &octet, 1,
                               MSG_PEEK | MSG_DONTWAIT);
    return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  }

  void shutdown_send() override {
    error_code ignored;
    stream_.lowest_layer().shutdown(Socket::shutdown_send, ignored);
  }

  void close() override {
    // OpenSSL forgets the session of a connection that ends without a shutdown; ours
    // end so on purpose, and their sessions are still good.
    SSL_set_shutdown(stream_.native_handle(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    error_code ignored;
    stream_.lowest_layer().close(ignored);
  }

  void reset() override {
    error_code ignored;
    stream_.lowest_layer().set_option(Socket::linger(true, 0), ignored);
    close();
  }

 private:
  // Decrypted, in OpenSSL's buffer, or in Asio's BIO: a record behind the answer's counts.
  static bool has_unread(SSL* tls) {
    return SSL_has_pending(tls) == 1 || BIO_ctrl_pending(SSL_get_rbio(tls)) != 0;
  }

  const std::shared_ptr<void> owners_[2];
  std::unique_ptr<OverSocket> below_;  // null over a socket; dies after the stream on it
  ssl::stream<Below> stream_;
  std::vector<char> gathered_;
};

// OpenSSL's words for why a handshake failed; the verification result says more
// than the alert when the certificate was the reason.
std::string reason_of(SSL* handle, const error_code& ec) {
  return why_no_tls(SSL_get_verify_result(handle), ec);
}

// The system's trust store takes about 20 ms to load, so it is loaded once.
X509_STORE* system_store() {
  static X509_STORE* const store = [] {
    X509_STORE* loaded = X509_STORE_new();
    X509_STORE_set_default_paths(loaded);
    ERR_clear_error();
    return loaded;
  }();
  return store;
}

// Where a context keeps its TlsClient. Not app_data: Asio's context deletes what it
// finds there.
int owner_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

bool is_address(const std::string& host) {
  error_code ec;
  asio::ip::make_address(host, ec);
  return !ec;
}

}  // namespace

struct TlsClient::Impl {
  explicit Impl(std::string name) : context(ssl::context::tls_client), host(std::move(name)) {}

  static int on_new_session(SSL* handle, SSL_SESSION* session) {
    auto* self =
        static_cast<Impl*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(handle), owner_index()));
    const std::lock_guard lock(self->mutex);
    if (self->sessions.size() == kSessionsKept) self->sessions.erase(self->sessions.begin());
    self->sessions.emplace_back(session);
    return 1;  // we keep the reference
  }

  Session take_session() {
    const std::lock_guard lock(mutex);
    Session session;
    while (!sessions.empty() && !session) {
      session = std::move(sessions.back());
      sessions.pop_back();
      // OpenSSL takes back the session of a connection that ended in an error.
      if (SSL_SESSION_is_resumable(session.get()) != 1) session.reset();
    }
    if (!session) return nullptr;
    // A TLS 1.2 session serves many times; a TLS 1.3 ticket once (RFC 8446, C.4).
    if (SSL_SESSION_get_protocol_version(session.get()) < TLS1_3_VERSION) {
      SSL_SESSION_up_ref(session.get());
      sessions.emplace_back(session.get());
    }
    return session;
  }

  // What a connection to `host` must prove, and the session it may resume.
  void prepare(SSL* handle) {
    if (is_address(host)) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(handle), host.c_str());
    } else {
      SSL_set_tlsext_host_name(handle, host.c_str());
      SSL_set_hostflags(handle, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
      SSL_set1_host(handle, host.c_str());
    }
    if (const Session session = take_session()) SSL_set_session(handle, session.get());
  }

  ssl::context context;
  const std::string host;
  std::mutex mutex;
  std::vector<Session> sessions;
};

TlsClient::TlsClient(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsClient::~TlsClient() = default;

Result<std::unique_ptr<TlsClient>> TlsClient::create(const std::string& ca_file, std::string host) {
  auto impl = std::make_shared<Impl>(std::move(host));
  SSL_CTX* const context = impl->context.native_handle();
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);  // idle connections stay small
  if (ca_file.empty()) {
    SSL_CTX_set1_cert_store(context, system_store());
  } else {
    error_code ec;
    const auto bundle = read_small_file(ca_file, kMostCaOctets);  // never waits, as a pipe would
    if (bundle) impl->context.add_certificate_authority(asio::buffer(*bundle), ec);
    if (!bundle || ec || bundle->empty()) {
      const std::string why = !bundle ? bundle.error().context : ec ? ec.message() : "it is empty";
      return Error(ErrorCode::invalid_config,
                   "ca_file '" + ca_file + "' can't be used: " + why +
                       "; it must be a readable PEM file with at least one certificate");
    }
  }
  // RFC 7301: one protocol, length-prefixed.
  static constexpr unsigned char kHttp11[] = "\x08http/1.1";
  SSL_CTX_set_alpn_protos(context, kHttp11, sizeof kHttp11 - 1);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
  SSL_CTX_sess_set_new_cb(context, &Impl::on_new_session);
  SSL_CTX_set_ex_data(context, owner_index(), impl.get());
  return std::unique_ptr<TlsClient>(new TlsClient(std::move(impl)));
}

namespace {

// Error: upstream_unreachable with OpenSSL's reason; Retry::no where that won't change.
template <class Stream>
awaitable<Result<void>> shake_hands(Stream& stream) {
  error_code ec;
  co_await stream.async_handshake(ssl::stream_base::client,
                                  asio::redirect_error(use_awaitable, ec));
  if (ec) {
    // A certificate that was refused is refused again.
    const bool refused = SSL_get_verify_result(stream.native_handle()) != X509_V_OK;
    co_return Error(ErrorCode::upstream_unreachable, Fault::provider,
                    refused ? Retry::no : Retry::yes, reason_of(stream.native_handle(), ec));
  }
  co_return Result<void>();
}

}  // namespace

awaitable<Result<std::unique_ptr<ByteStream>>> TlsClient::handshake(Socket& socket) {
  auto stream = std::make_unique<TlsStream<Socket>>(std::move(socket), impl_->context, impl_);
  impl_->prepare(stream->stream().native_handle());
  const auto done = co_await shake_hands(stream->stream());
  if (!done) co_return done.error();
  co_return std::unique_ptr<ByteStream>(std::move(stream));
}

awaitable<Result<std::unique_ptr<ByteStream>>> TlsClient::handshake_through(
    Socket& socket, const Provider& provider) {
  const std::shared_ptr<TlsClient::Impl> proxy = provider.proxy_tls->impl_;
  auto below = std::make_unique<OverSocket>(std::move(socket), proxy->context);
  proxy->prepare(below->native_handle());
  const auto met = co_await shake_hands(*below);
  if (!met) co_return proxy_error(provider, "can't be spoken to: " + met.error().context);
  const auto open = co_await open_tunnel(*below, provider);
  if (!open) co_return open.error();

  auto stream = std::make_unique<TlsStream<OverSocket&>>(std::move(below), proxy, impl_->context,
                                                          impl_);
  impl_->prepare(stream->stream().native_handle());
  const auto done = co_await shake_hands(stream->stream());
  if (!done) co_return done.error();
  co_return std::unique_ptr<ByteStream>(std::move(stream));
}

}  // namespace farebox
