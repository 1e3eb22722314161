// What the fast server says, made once, and just enough reading of requests to
// know where one ends and which answer it gets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace farebox::mock {

enum class FastKind : std::uint8_t { whole, stream, stream_with_usage };

struct FastRequest {
  std::size_t size = 0;  // octets of head and body; 0: not all there yet
  FastKind kind = FastKind::whole;
};

FastRequest find_request(std::string_view inbox);

struct PreparedAnswer {
  std::vector<std::string> writes;  // one system call each
};

const PreparedAnswer& prepared_answer(FastKind kind);

}  // namespace farebox::mock
