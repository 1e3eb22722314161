// Stands in for proxy/tls.cpp where a fuzz target needs a Provider but opens no connection.
#include "proxy/tls.hpp"

namespace farebox {

struct TlsClient::Impl {};
TlsClient::~TlsClient() = default;

}  // namespace farebox
