#include "proxy/http/unchunk.hpp"

#include "proxy/http/body_reader.hpp"

namespace farebox::http {

std::optional<std::string> unchunk(std::string_view chunked) {
  std::string content;
  BodyReader reader(Framing::chunked, 0);
  while (true) {
    const auto step = reader.next(chunked);
    switch (step.what) {
      case BodyReader::What::data: content += step.data; break;
      case BodyReader::What::end: return content;
      case BodyReader::What::broken:
      case BodyReader::What::need_more: return std::nullopt;
      default: break;
    }
  }
}

}  // namespace farebox::http
