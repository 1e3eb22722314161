// Everything the connections of one mock share.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>

#include "tests/mock/recording.hpp"
#include "tests/mock/request_log.hpp"
#include "tests/mock/rules.hpp"
#include "tests/mock/stream.hpp"

namespace farebox::mock {

// The provider connections that are open now. Thread-safe.
class Connections {
 public:
  std::uint64_t add(Stream& stream);
  void remove(std::uint64_t id);
  void handshake_failed(const std::string& reason);
  // Ends all of them at once, as a provider's restart does.
  void shut_all();
  Json state() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::uint64_t, Stream*> open_;
  std::uint64_t accepted_ = 0;
  Json failures_ = Json::array();  // reasons of TLS handshakes that failed
};

struct World {
  Recordings recordings;  // read-only once the mock listens
  Rules rules;
  RequestLog log;
  Connections connections;
};

}  // namespace farebox::mock
