// Errand: a request that farebox makes of itself, for a caller who isn't there: to make an old
// answer new, to warm the cache, to send several calls as one.
//
// It is the client's side of a connection that has no socket: its request is read as any other,
// and what would be sent back comes to `done`. Bounded in what it keeps of the answer.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "proxy/byte_stream.hpp"
#include "proxy/http/head.hpp"

namespace farebox {

struct ErrandResult {
  bool whole = false;   // an answer came that fits; else the next two are empty
  int status = 0;
  std::string answer;   // head and content as they were sent
};

// The octets of a request with that body: the method, target and fields of `head` but those that
// frame it, name it or say how the cache is used; then `fields`, each with its CRLF. It asks for
// its connection to be closed behind it.
std::string errand_request(const http::RequestHead& head, std::string_view target,
                           std::string_view fields, std::string_view body);

// The stream for ClientConnection. `done` is called once, when it dies, on the worker's thread.
std::unique_ptr<ByteStream> make_errand_stream(const Executor& executor, std::string request,
                                               std::size_t most_answer,
                                               std::function<void(ErrandResult)> done);

}  // namespace farebox
