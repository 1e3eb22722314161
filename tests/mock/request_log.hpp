// What the mock remembers of everything it was asked, for tests to read back:
// the requests octet for octet, how each answer ended, and its own bill. One
// lock over all of it; thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/mock/http_message.hpp"
#include "tests/mock/stream.hpp"

namespace farebox::mock {

using Json = nlohmann::ordered_json;

// How an exchange ended, as a word of the log: running, whole, cut (by order),
// peer_left, unanswered (closed by order), request_cut, faulty.
struct Ended {
  std::string outcome = "running";
  int status = 0;
  std::uint64_t wire_octets = 0;      // written, head and framing included
  std::uint64_t output_tokens = 0;    // produced until then
  std::uint64_t promised_tokens = 0;  // produced if nobody had left
  double peer_left_at = 0;            // monotonic seconds; 0: it stayed
};

struct Exchange {
  std::uint64_t id = 0;
  std::uint64_t connection = 0;
  std::uint64_t nth = 0;  // on this connection, from 1
  TlsFacts tls;
  double head_at = 0;     // monotonic seconds
  double body_at = 0;
  Request request;        // its body is dropped after the first octets
  std::uint64_t body_size = 0;
  std::string body_sha256;
  bool streamed = false;
  std::string model;
  std::uint64_t input_tokens = 0;
  Ended ended;
};

class RequestLog {
 public:
  // Enters a request whose head has been read; returns its id.
  std::uint64_t begin(Exchange exchange);
  void body_read(std::uint64_t id, const Request& request);
  void answering(std::uint64_t id, std::string model, std::uint64_t input_tokens, bool streamed);
  void end(std::uint64_t id, const Ended& ended);

  // {"requests": [...]} with ids above `after`.
  Json requests(std::uint64_t after) const;
  // One line for each answered request that costs something, and the sums.
  Json bill() const;
  void clear();

 private:
  Exchange* find(std::uint64_t id);

  mutable std::mutex mutex_;
  std::deque<Exchange> exchanges_;  // ids ascend by one
  std::uint64_t next_id_ = 1;
};

}  // namespace farebox::mock
