// TlsServerStream: a ByteStream whose other end is an app that speaks TLS.
//
// OpenSSL works on the socket itself: nothing is kept while a connection rests, and a write
// goes out within the call, as on the plain path. Towards providers tls.cpp has a stream
// over Asio's, which keeps some 70 KiB an end; here there may be many thousands.
#pragma once

#include <memory>

#include "proxy/byte_stream.hpp"

struct ssl_ctx_st;

namespace farebox {

std::unique_ptr<ByteStream> make_tls_server_stream(Socket socket, ssl_ctx_st* context);

}  // namespace farebox
