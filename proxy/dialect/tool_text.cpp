#include "proxy/dialect/tool_text.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "proxy/dialect/json_print.hpp"

namespace farebox {
namespace {

using Kind = JsonCursor::Kind;

constexpr std::string_view kBlanks = " \t\r\n\f\v";

std::string_view trimmed(std::string_view line) {
  const auto from = line.find_first_not_of(kBlanks);
  if (from == line.npos) return {};
  return line.substr(from, line.find_last_not_of(kBlanks) - from + 1);
}

class SchemaWriter {
 public:
  SchemaWriter(std::string& out, const JsonTree& tree, const JsonNode* parameters,
               std::size_t& types)
      : out_(out), tree_(tree), types_(types) {
    for (const std::string_view key : {"$defs", "definitions"}) {
      const JsonNode* const list = tree.find(parameters, key, Kind::object);
      for (const JsonNode* one = first(list); one != nullptr; one = tree.next(*one)) {
        definitions_.push_back(one);
      }
    }
    std::stable_sort(definitions_.begin(), definitions_.end(), by_key);
  }

  bool whole() const { return whole_; }

  // Each line of a text that says something, as a comment.
  void comment(const JsonNode* node) {
    if (node == nullptr || node->kind != Kind::string) return;
    const std::string text = node->text.decoded();
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      const std::string_view line = trimmed(std::string_view(text).substr(at, end - at));
      if (!line.empty()) {
        out_ += "// ";
        out_ += line;
        out_ += '\n';
      }
      at = end + 1;
    }
  }

  void comments(const JsonNode* schema) {
    comment(tree_.find(schema, "title"));
    comment(tree_.find(schema, "description"));
  }

  // Whether an object says its own title and description: where no property did it before.
  enum class Says : std::uint8_t { properties, itself };

  // An object is one line unless something in it asks for lines.
  void object(const JsonNode& schema, Says says, std::size_t depth) {
    const std::size_t begin = out_.size();
    const std::vector<std::string_view> required = required_of(schema);
    out_ += "{\n";
    const std::size_t inner = out_.size();
    if (says == Says::itself) comments(&schema);
    bool one_line = out_.size() == inner;
    const JsonNode* const properties = tree_.find(&schema, "properties", Kind::object);
    for (const JsonNode* property = first(properties); property != nullptr && whole_;
         property = tree_.next(*property)) {
      const std::size_t line = out_.size();
      comments(property);
      if (out_.size() != line) one_line = false;
      out_ += property->key.raw;
      if (!std::binary_search(required.begin(), required.end(), property->key.raw)) out_ += '?';
      out_ += ": ";
      const std::size_t type_at = out_.size();
      type(*property, Says::properties, depth + 1);
      if (out_.find('\n', type_at) != out_.npos) one_line = false;
      out_ += ',';
      if (const JsonNode* standard = tree_.find(property, "default")) {
        out_ += " // default: ";
        append_json(out_, tree_, *standard, JsonStyle::spaced);
        one_line = false;
      }
      out_ += '\n';
    }
    out_ += '}';
    if (one_line) join_lines(begin);
  }

  void type(const JsonNode& schema, Says says, std::size_t depth) {
    if (++types_ > ToolText::kMostTypes || out_.size() > ToolText::kMostOctets ||
        depth > kMostDepth) {
      whole_ = false;
      return;
    }
    const JsonNode* const values = tree_.find(&schema, "enum", Kind::array);
    if (values == nullptr) {
      for (const std::string_view key : {"anyOf", "oneOf"}) {
        const JsonNode* const variants = tree_.find(&schema, key, Kind::array);
        if (first(variants) != nullptr) return union_of(*variants, depth);
      }
      if (const JsonNode* reference = tree_.find(&schema, "$ref", Kind::string)) {
        return referred(reference->text.raw, depth);
      }
    }
    if (values != nullptr) return enumeration(*values);
    const JsonNode* const name = tree_.find(&schema, "type");
    if (name != nullptr && name->kind == Kind::array) {
      for (const JsonNode* one = first(name); one != nullptr; one = tree_.next(*one)) {
        named(schema, one->text.raw, says, depth);
        if (tree_.next(*one) != nullptr) out_ += " | ";
      }
      return;
    }
    named(schema, name != nullptr && name->kind == Kind::string ? name->text.raw : "", says,
          depth);
  }

 private:
  static constexpr std::size_t kMostDepth = 64;

  const JsonNode* first(const JsonNode* parent) const {
    return parent == nullptr ? nullptr : tree_.child(*parent);
  }

  std::vector<std::string_view> required_of(const JsonNode& schema) const {
    std::vector<std::string_view> names;
    const JsonNode* const list = tree_.find(&schema, "required", Kind::array);
    for (const JsonNode* name = first(list); name != nullptr; name = tree_.next(*name)) {
      names.push_back(name->text.raw);
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  void named(const JsonNode& schema, std::string_view name, Says says, std::size_t depth) {
    if (name == "integer") name = "number";
    const JsonNode* const properties = tree_.find(&schema, "properties", Kind::object);
    if (name == "string" || name == "number" || name == "boolean" || name == "null") {
      out_ += name;
    } else if (name == "array") {
      array(tree_.find(&schema, "items", Kind::object), depth);
    } else if (first(properties) != nullptr) {
      object(schema, says, depth);
    } else {
      out_ += name == "object" || properties != nullptr ? "object" : "any";
    }
  }

  // "string[]", and of what takes lines "Array<\n{\n...\n}\n>".
  void array(const JsonNode* items, std::size_t depth) {
    const std::size_t begin = out_.size();
    if (items == nullptr) {
      out_ += "any";
    } else {
      type(*items, Says::properties, depth + 1);
    }
    if (out_.find('\n', begin) == out_.npos) {
      out_ += "[]";
    } else {
      out_.insert(begin, "Array<\n");
      out_ += "\n>";
    }
  }

  void enumeration(const JsonNode& values) {
    for (const JsonNode* value = first(&values); value != nullptr; value = tree_.next(*value)) {
      append_json(out_, tree_, *value, JsonStyle::spaced);
      if (tree_.next(*value) != nullptr) out_ += " | ";
    }
  }

  // "string | null"; what takes lines has each variant on its own.
  void union_of(const JsonNode& variants, std::size_t depth) {
    const std::size_t begin = out_.size();
    std::vector<std::size_t> ends;
    for (const JsonNode* one = first(&variants); one != nullptr && whole_;
         one = tree_.next(*one)) {
      if (tree_.find(one, "description", Kind::string) != nullptr) {
        out_ += '\n';
        comment(tree_.find(one, "description"));
      }
      type(*one, Says::properties, depth + 1);
      if (tree_.next(*one) == nullptr) break;
      ends.push_back(out_.size());
      out_ += " | ";
    }
    if (out_.find('\n', begin) == out_.npos) return;
    std::string text;
    std::size_t from = begin;
    for (const std::size_t end : ends) {
      text.append(out_, from, end - from).append("\n");
      from = end;
    }
    text.append(out_, from).append("\n");
    out_.replace(begin, out_.npos, text);
  }

  // "#/$defs/Author"; what refers to what it is in is any.
  void referred(std::string_view path, std::size_t depth) {
    JsonNode wanted;
    wanted.key.raw = path.substr(path.rfind('/') + 1);
    const auto found =
        std::lower_bound(definitions_.begin(), definitions_.end(), &wanted, by_key);
    const bool is_there =
        found != definitions_.end() && (*found)->key.raw == wanted.key.raw &&
        std::find(referred_.begin(), referred_.end(), *found) == referred_.end();
    if (!is_there) {
      out_ += "any";
      return;
    }
    referred_.push_back(*found);
    type(**found, Says::itself, depth + 1);
    referred_.pop_back();
  }

  static bool by_key(const JsonNode* one, const JsonNode* other) {
    return one->key.raw < other->key.raw;
  }

  // "{\na: string,\nb: number,\n}" to "{ a: string, b: number }".
  void join_lines(std::size_t begin) {
    std::replace(out_.begin() + static_cast<std::ptrdiff_t>(begin), out_.end(), '\n', ' ');
    if (out_.ends_with(", }")) out_.erase(out_.size() - 3, 1);
  }

  std::string& out_;
  const JsonTree& tree_;
  std::size_t& types_;
  std::vector<const JsonNode*> definitions_;  // by their names
  std::vector<const JsonNode*> referred_;     // those being written
  bool whole_ = true;
};

}  // namespace

void ToolText::add(const JsonTree& tree, const JsonNode& function) {
  const JsonNode* const name = tree.find(&function, "name", Kind::string);
  const JsonNode* const parameters = tree.find(&function, "parameters", Kind::object);
  SchemaWriter writer(text_, tree, parameters, types_);
  const JsonNode* const properties = tree.find(parameters, "properties", Kind::object);
  const bool takes_any = properties != nullptr && tree.child(*properties) != nullptr;
  writer.comment(tree.find(&function, "description"));
  if (!takes_any) writer.comments(parameters);
  text_ += "type ";
  if (name != nullptr) text_ += name->text.raw;
  if (takes_any) {
    text_ += " = (_: ";
    writer.object(*parameters, SchemaWriter::Says::itself, 0);
    text_ += ") => any;\n\n";
  } else {
    text_ += " = () => any;\n\n";
  }
  ++functions_;
  whole_ = whole_ && writer.whole();
}

std::string ToolText::finish() {
  text_ += "} // namespace functions";
  return std::move(text_);
}

}  // namespace farebox
