// ToolText: function definitions as OpenAI's servers show them to a model: types of a
// TypeScript-like namespace, the descriptions as comments.
//
//   namespace functions {
//
//   // Get the weather.
//   type get_weather = (_: {
//   // City and country
//   city: string,
//   unit?: "C" | "F", // default: "C"
//   }) => any;
//
//   } // namespace functions
//
// The form is public (the harmony format's renderer; what others found for the chat API); the
// details come from recorded exchanges: of 333 requests that define or call functions, 297 are
// reported to the token as this text and ChatRules have it, and 312 within 2 %.
#pragma once

#include <string>
#include <string_view>

#include "proxy/dialect/json_tree.hpp"

namespace farebox {

class ToolText {
 public:
  // What a schema makes is bounded, whatever it refers to.
  static constexpr std::size_t kMostOctets = std::size_t{1} << 20;
  static constexpr std::size_t kMostTypes = std::size_t{1} << 16;
  static constexpr std::string_view kOpening = "namespace functions {\n\n";

  ToolText() : text_(kOpening) {}

  // `function` has the members name, description and parameters.
  void add(const JsonTree& tree, const JsonNode& function);

  std::size_t functions() const { return functions_; }

  // False: a bound was reached, and the text is a part.
  bool whole() const { return whole_; }

  // The whole text; call it once, last.
  std::string finish();

 private:
  std::string text_;
  std::size_t functions_ = 0;
  std::size_t types_ = 0;
  bool whole_ = true;
};

}  // namespace farebox
