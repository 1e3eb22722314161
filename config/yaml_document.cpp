#include "config/yaml_document.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>

namespace farebox {

namespace {

constexpr std::size_t kMaxOctets = 1 << 20;
constexpr std::size_t kMaxDepth = 32;      // settings are at most 6 deep
constexpr std::size_t kMaxOpenBrackets = 256;
constexpr std::size_t kMaxNodes = 100'000;  // with aliases expanded: stops "billion laughs"

// Ends the parse; the one error of a document that can't be read.
struct Unreadable {
  int line;
  std::string why;
};

int line_of(const YAML::Mark& mark) { return std::max(1, mark.line + 1); }

Unreadable too_deep(int line) {
  return {line, fmt::format("values are nested more than {} deep, no setting is; check the brackets",
                            kMaxDepth)};
}

// How many octets of well-formed UTF-8 start here (1 to 4), or 0.
std::size_t utf8_length(std::string_view text) {
  const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = octet(0);
  const std::size_t length = first < 0x80                    ? 1
                             : first >= 0xc2 && first < 0xe0 ? 2
                             : first >= 0xe0 && first < 0xf0 ? 3
                             : first >= 0xf0 && first < 0xf5 ? 4
                                                             : 0;
  if (length == 0 || length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((octet(i) & 0xc0) != 0x80) return 0;
  }
  if (first == 0xe0 && octet(1) < 0xa0) return 0;   // overlong
  if (first == 0xed && octet(1) >= 0xa0) return 0;  // surrogates
  if (first == 0xf0 && octet(1) < 0x90) return 0;   // overlong
  if (first == 0xf4 && octet(1) >= 0x90) return 0;  // above U+10FFFF
  return length;
}

// yaml-cpp takes octet 0x04 for the end of the file, so whatever follows it, perhaps
// the line that asks for keys, would be ignored. Refuse what no configuration needs.
void check_octets(std::string_view text) {
  if (text.size() > kMaxOctets) {
    throw Unreadable{1, "the file is larger than 1 MiB, which no configuration needs; "
                        "is it the right file?"};
  }
  int line = 1;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const auto octet = static_cast<unsigned char>(text.front());
    if (length == 0) throw Unreadable{line, "this is not UTF-8 text; save the file as UTF-8"};
    if (octet == '\n') ++line;
    const bool white = octet == '\t' || octet == '\n' || octet == '\r';
    if ((octet < 0x20 && !white) || octet == 0x7f) {
      throw Unreadable{line, fmt::format("the line holds the control character 0x{:02x}, which "
                                         "YAML does not allow; remove it", octet)};
    }
    text.remove_prefix(length);
  }
}

// yaml-cpp keeps what follows an open bracket in memory, 200 octets for one, until it is closed or
// the file ends, and only then tells us of it. Brackets in texts and comments are counted as well;
// where those don't close either, there are never so many.
void check_brackets(std::string_view text) {
  int line = 1;
  std::size_t open = 0;
  for (const char octet : text) {
    if (octet == '\n') ++line;
    if (octet == '[' || octet == '{') ++open;
    if ((octet == ']' || octet == '}') && open != 0) --open;
    if (open > kMaxOpenBrackets) throw too_deep(line);
  }
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::string file, Problems& problems) : file_(std::move(file)), problems_(problems) {}

  YamlNode take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      throw Unreadable{line_of(mark), "a second document starts here after ---, only one is read; "
                                      "remove the --- or move the rest into the first"};
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode node;
    node.line = line_of(mark);
    complete(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto anchored = anchors_.find(anchor);
    if (anchored == anchors_.end()) {
      throw Unreadable{line_of(mark), "this alias stands inside the value it repeats; remove it"};
    }
    count_nodes(mark, anchored->second);
    YamlNode copy = anchored->second;
    copy.line = line_of(mark);
    complete(std::move(copy), 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_tag(mark, tag);
    count_node(mark);
    YamlNode node;
    node.kind = YamlNode::Kind::scalar;
    node.line = line_of(mark);
    node.text = value;
    node.quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    complete(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::list, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::map, mark, tag, anchor);
  }
  void OnMapEnd() override {
    merge(frames_.back());
    close();
  }

 private:
  // A list or map whose end has not come yet.
  struct Frame {
    YamlNode node;
    YAML::anchor_t anchor = 0;
    bool has_key = false;  // a key was read, its value comes next
    std::string key;
    int key_line = 0;
    std::map<std::string, int> lines;  // of the keys so far
  };

  static void check_tag(const YAML::Mark& mark, const std::string& tag) {
    if (tag.empty() || tag == "?" || tag == "!" || tag.starts_with("tag:yaml.org,2002:")) return;
    throw Unreadable{line_of(mark), "tags like !name have no meaning here; remove the tag"};
  }

  void count_node(const YAML::Mark& mark) {
    if (++nodes_ > kMaxNodes) {
      throw Unreadable{line_of(mark),
                       fmt::format("the file holds more than {} values once its aliases are "
                                   "expanded; make it smaller", kMaxNodes)};
    }
  }

  void count_nodes(const YAML::Mark& mark, const YamlNode& node) {
    count_node(mark);
    for (const YamlNode& item : node.items) count_nodes(mark, item);
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    check_tag(mark, tag);
    count_node(mark);
    if (frames_.size() >= kMaxDepth) throw too_deep(line_of(mark));
    Frame frame;
    frame.node.kind = kind;
    frame.node.line = line_of(mark);
    frame.anchor = anchor;
    frames_.push_back(std::move(frame));
  }

  void close() {
    YamlNode node = std::move(frames_.back().node);
    const YAML::anchor_t anchor = frames_.back().anchor;
    frames_.pop_back();
    complete(std::move(node), anchor);
  }

  // A value is whole: it is the document, an item, a key, or the value of a key.
  void complete(YamlNode node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& parent = frames_.back();
    if (parent.node.kind == YamlNode::Kind::list) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.has_key) {
      start_entry(parent, std::move(node));
    } else {
      end_entry(parent, std::move(node));
    }
  }

  static void start_entry(Frame& map, YamlNode key) {
    if (key.kind != YamlNode::Kind::scalar) {
      throw Unreadable{key.line, "a key is missing or is not a single word; write key: value"};
    }
    map.has_key = true;
    map.key = std::move(key.text);
    map.key_line = key.line;
  }

  void end_entry(Frame& map, YamlNode value) {
    map.has_key = false;
    value.key = std::move(map.key);
    value.line = map.key_line;
    const auto [first, is_new] = map.lines.emplace(value.key, map.key_line);
    if (is_new) {
      map.node.items.push_back(std::move(value));
    } else {
      problems_.error({file_, map.key_line},
                      fmt::format("the key {} stands here a second time, the first is in line {}, "
                                  "and only one can count; remove one of them",
                                  key_in_quotes(value.key), first->second));
    }
  }

  // `<<: *anchor` (or a list of them) adds the keys that the map does not have itself.
  void merge(Frame& map) {
    auto& items = map.node.items;
    const auto found = std::find_if(items.begin(), items.end(),
                                    [](const YamlNode& item) { return item.key == "<<"; });
    if (found == items.end()) return;
    YamlNode source = std::move(*found);
    items.erase(found);
    std::vector<YamlNode> sources;
    if (source.kind == YamlNode::Kind::list) {
      sources = std::move(source.items);
    } else {
      sources.push_back(source);
    }
    for (YamlNode& each : sources) {
      if (each.kind != YamlNode::Kind::map) {
        throw Unreadable{source.line, "<< merges maps only; write <<: *anchor of a map"};
      }
      for (YamlNode& item : each.items) {
        if (map.lines.emplace(item.key, item.line).second) items.push_back(std::move(item));
      }
    }
  }

  std::string file_;
  Problems& problems_;
  YamlNode root_;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  std::size_t nodes_ = 0;
  int documents_ = 0;
};

YamlNode build_tree(std::string_view text, const std::string& file, Problems& problems) {
  check_octets(text);
  check_brackets(text);
  // yaml-cpp takes the end of the file for the end of an open quote when it stands at
  // the begin of a line. A comment as last line keeps it from that, so that it complains.
  std::istringstream stream{std::string(text) + "\n#"};
  YAML::Parser parser(stream);
  TreeBuilder builder(file, problems);
  while (parser.HandleNextDocument(builder)) {
  }
  YamlNode root = builder.take_root();
  if (root.kind == YamlNode::Kind::null) root.kind = YamlNode::Kind::map;
  if (root.kind != YamlNode::Kind::map) {
    throw Unreadable{root.line, "the file is not a list of key: value lines; see config/examples"};
  }
  return root;
}

}  // namespace

std::optional<YamlNode> parse_yaml(std::string_view text, const std::string& file,
                                   Problems& problems) {
  try {
    return build_tree(text, file, problems);
  } catch (const Unreadable& problem) {
    problems.error({file, problem.line}, problem.why);
  } catch (const YAML::Exception& problem) {
    // What is missing at the end is missing in the last line.
    const auto breaks = std::count(text.begin(), text.end(), '\n');
    const int last_line = static_cast<int>(breaks) + (text.ends_with('\n') ? 0 : 1);
    problems.error({file, std::min(line_of(problem.mark), std::max(1, last_line))},
                   fmt::format("this is not YAML, {}; check indentation (spaces, no tabs), "
                               "brackets and quotes around here (${{NAME}} inside {{ }} or [ ] "
                               "needs quotes)",
                               problem.msg));
  } catch (const std::exception& problem) {
    problems.error({file, 1}, fmt::format("the file can't be read as YAML, {}; check its syntax",
                                          problem.what()));
  }
  return std::nullopt;
}

}  // namespace farebox
