// The mock's server side of TLS: a certificate, ALPN http/1.1, session tickets.
#pragma once

#include <memory>
#include <string>

struct ssl_ctx_st;

namespace farebox::mock {

using TlsContext = std::shared_ptr<ssl_ctx_st>;

// Throws with the reason when certificate and key can't be used.
TlsContext make_tls_context(const std::string& certificate_file, const std::string& key_file);

}  // namespace farebox::mock
