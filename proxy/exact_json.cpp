#include "proxy/exact_json.hpp"

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

}  // namespace farebox
