// Answer: what a provider answered, kept to be given again.
//
// A plain value that never changes once it is shared. Its body is in the form it goes out in, so
// that giving it again needs no work.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/base/clock.hpp"
#include "config/base/digest.hpp"
#include "config/base/money.hpp"

namespace farebox {

// SHA-256 over everything that sets an answer apart, its tenant first (proxy/answer_key.hpp).
using AnswerKey = Digest;

struct Answer {
  // What people name it by: "{provider}/{endpoint}/{model}". Patterns are matched with it.
  std::string name;
  std::string model;                    // that answered
  std::vector<std::string> tags;        // that its caller gave it
  std::vector<std::string> depends_on;  // names, tags or keys (64 hex digits) it falls with

  WallTime stored;   // when its last octet came
  WallTime expires;  // it is fresh before this moment
  WallTime kept;     // and may be given as a stale one before this; at least `expires`

  Money saved;               // what giving it again saves
  bool priced = false;       // that is known
  std::uint32_t latency_ms = 0;  // the provider took
  std::string finish_reason;

  bool stream = false;   // server-sent events
  bool chunked = false;  // `body` has HTTP/1.1's chunks about it, as they came; the last one too
  std::string fields;    // of its head, each with its CRLF: those that are the answer's own
  std::string body;
  std::uint64_t content_octets = 0;  // of `body` without chunks

  // In memory, roughly.
  std::size_t size() const {
    std::size_t size = sizeof(Answer) + name.size() + model.size() + fields.size() + body.size() + 64;
    for (const std::string& tag : tags) size += tag.size() + sizeof(std::string);
    for (const std::string& each : depends_on) size += each.size() + sizeof(std::string);
    return size;
  }
};

using SharedAnswer = std::shared_ptr<const Answer>;

}  // namespace farebox
