// Finding the few form fields that policy reads in a multipart/form-data body (RFC 7578):
// audio and image uploads name their model in one. Linear, without copying the files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace farebox {

struct MultipartFacts {
  std::string model;
  bool stream = false;
  std::uint64_t choices = 0;  // the field `n`; 0: not said
  std::string size, quality;  // of images
  std::string user;           // whom it is for, as OpenAI's images have it; at most 512 octets
};

// Nothing: the body is no multipart form, has no closing delimiter, or says a field that
// policy reads twice.
std::optional<MultipartFacts> read_multipart(std::string_view content_type,
                                             std::string_view body);

}  // namespace farebox
