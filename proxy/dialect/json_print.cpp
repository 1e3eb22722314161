#include "proxy/dialect/json_print.hpp"

#include <algorithm>
#include <iterator>

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

// Names of a schema's own, below these keys, aren't its words.
bool holds_names(std::string_view key) {
  return key == "properties" || key == "$defs" || key == "definitions";
}

// Values that aren't schemas.
bool holds_data(std::string_view key) {
  return key == "enum" || key == "const" || key == "examples";
}

// What the server sees to itself, without a word to the model. Seen in recordings: required,
// additionalProperties (all 92 with a schema), default, minimum, maximum, maxItems (3 of 3).
bool isnt_shown(std::string_view key) {
  constexpr std::string_view kNotShown[] = {
      "required", "additionalProperties", "default",          "minimum",          "maximum",
      "minItems", "maxItems",             "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
      "minLength", "maxLength"};
  return std::find(std::begin(kNotShown), std::end(kNotShown), key) != std::end(kNotShown);
}

enum class Words : std::uint8_t { schema, names, data };

class Printer {
 public:
  Printer(std::string& out, const JsonTree& tree, JsonStyle style)
      : out_(out), tree_(tree), style_(style) {}

  void print(const JsonNode& node, Words words) {
    switch (node.kind) {
      case Kind::object: print_object(node, words); break;
      case Kind::array: print_array(node, words); break;
      case Kind::string: append_json_string(out_, node.text); break;
      default: out_ += node.text.raw;
    }
  }

 private:
  void print_object(const JsonNode& node, Words words) {
    out_ += '{';
    bool first = true;
    for (const JsonNode* member = tree_.child(node); member != nullptr;
         member = tree_.next(*member)) {
      const std::string_view key = member->key.raw;
      if (style_ == JsonStyle::schema && words == Words::schema && isnt_shown(key)) continue;
      if (!first) separate();
      first = false;
      out_ += '"';
      out_ += key;
      out_ += style_ == JsonStyle::spaced ? "\": " : "\":";
      print(*member, below(words, key));
    }
    out_ += '}';
  }

  void print_array(const JsonNode& node, Words words) {
    out_ += '[';
    bool first = true;
    for (const JsonNode* element = tree_.child(node); element != nullptr;
         element = tree_.next(*element)) {
      if (!first) separate();
      first = false;
      print(*element, words);
    }
    out_ += ']';
  }

  static Words below(Words words, std::string_view key) {
    if (words == Words::names) return Words::schema;
    if (words == Words::data || holds_data(key)) return Words::data;
    return holds_names(key) ? Words::names : Words::schema;
  }

  void separate() { out_ += style_ == JsonStyle::spaced ? ", " : ","; }

  std::string& out_;
  const JsonTree& tree_;
  JsonStyle style_;
};

// Whether it stands as it would be written again.
bool is_plain(const JsonString& string) {
  return !string.escaped || (string.raw.find("\\u") == string.raw.npos &&
                             string.raw.find("\\/") == string.raw.npos);
}

}  // namespace

void append_json(std::string& out, const JsonTree& tree, const JsonNode& node, JsonStyle style) {
  Printer(out, tree, style).print(node, Words::schema);
}

void append_json_string(std::string& out, const JsonString& string) {
  if (!is_plain(string)) return append_json_text(out, string.decoded());
  out += '"';
  out += string.raw;
  out += '"';
}

void append_json_text(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          constexpr char kDigits[] = "0123456789abcdef";
          out += "\\u00";
          out += kDigits[static_cast<unsigned char>(c) >> 4];
          out += kDigits[static_cast<unsigned char>(c) & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

}  // namespace farebox
