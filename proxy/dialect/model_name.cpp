#include "proxy/dialect/model_name.hpp"

#include "config/base/json_writer.hpp"
#include "proxy/dialect/json_members.hpp"
#include "proxy/http/text.hpp"

namespace farebox {
namespace {

// RFC 3986, 2.3 and 3.3: as it may stand in a segment of a path.
std::string in_path(std::string_view text) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = http::is_alpha(c) || http::is_digit(c) ||
                       std::string_view("-._~@").find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      const auto octet = static_cast<unsigned char>(c);
      out += '%';
      out += kDigits[octet >> 4];
      out += kDigits[octet & 15];
    }
  }
  return out;
}

bool replace_in_path(std::string_view model, std::string_view wanted, std::size_t base,
                     std::string& target) {
  const std::size_t path_end = std::min(target.find('?'), target.size());
  for (const std::string& said : {std::string(model), in_path(model)}) {
    const std::size_t at = target.rfind("/" + said, path_end);
    if (at == std::string::npos || at < base) continue;
    const std::size_t end = at + 1 + said.size();
    if (end < path_end && target[end] != '/' && target[end] != ':') continue;
    target.replace(at + 1, said.size(), in_path(wanted));
    return true;
  }
  return false;
}

}  // namespace

bool replace_model(const Route& route, std::string_view model, std::string_view wanted,
                   std::size_t base, std::string& target, std::string& body) {
  if (!route.model.empty()) return replace_in_path(model, wanted, base, target);
  const std::string_view said = JsonMembers(body, {"model"})["model"];
  if (said.size() < 2 || said.front() != '"') return false;
  const auto at = static_cast<std::size_t>(said.data() - body.data());
  std::string name;
  append_json_string(name, wanted);
  body.replace(at, said.size(), name);
  return true;
}

}  // namespace farebox
