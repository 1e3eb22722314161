#include "proxy/exact_json.hpp"

#include <set>
#include <vector>

namespace farebox {
namespace {

using Json = nlohmann::json;

// NB: the library's own builder has no public name; sax_parse calls the most derived members.
class ExactBuilder : public nlohmann::detail::json_sax_dom_parser<Json> {
 public:
  explicit ExactBuilder(Json& into) : json_sax_dom_parser(into, false) {}

  bool number_float(double, const std::string& written) {
    std::string text = written;
    return string(text);
  }
};

}  // namespace

Json parse_exact_json(std::string_view text) {
  Json root;
  ExactBuilder builder(root);
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) return Json(Json::value_t::discarded);
  return root;
}

std::optional<std::string> repeated_member(std::string_view text) {
  std::vector<std::set<std::string>> open;
  std::optional<std::string> repeated;
  const auto look = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end && !open.empty()) open.pop_back();
    if (event == Json::parse_event_t::key && !open.empty()) {
      const auto& name = parsed.get_ref<const std::string&>();
      if (!open.back().insert(name).second && !repeated) repeated = name;
    }
    return true;
  };
  const Json json = Json::parse(text.begin(), text.end(), look, false);
  return json.is_discarded() ? std::nullopt : repeated;
}

}  // namespace farebox
