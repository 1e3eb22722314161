#include "proxy/dialect/model_name.hpp"

#include "config/base/json_writer.hpp"
#include "proxy/dialect/json_members.hpp"
#include "proxy/http/text.hpp"

namespace farebox {
namespace {

// RFC 3986, 2.3 and 3.3: as it may stand in a segment of a path, or with slashes in several.
std::string in_path(std::string_view text, bool keep_slashes) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = http::is_alpha(c) || http::is_digit(c) || (keep_slashes && c == '/') ||
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

int hex_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = http::lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// How many octets of `path` say `name`, escaped or not (RFC 3986, 2.1); 0: it begins otherwise.
std::size_t octets_saying(std::string_view path, std::string_view name) {
  std::size_t at = 0;
  for (const char c : name) {
    if (at >= path.size()) return 0;
    char octet = path[at++];
    if (octet == '%' && at + 2 <= path.size() && hex_of(path[at]) >= 0 && hex_of(path[at + 1]) >= 0) {
      octet = static_cast<char>(hex_of(path[at]) * 16 + hex_of(path[at + 1]));
      at += 2;
    }
    if (octet != c) return 0;
  }
  return at;
}

// The last place behind `base` where whole segments, up to a verb, say the model, and where the
// path then means the same of the other model: a deployment may be called "embeddings" as well.
bool replace_in_path(const Dialect& dialect, std::string_view method, const Route& route,
                     std::string_view model, std::string_view wanted, std::size_t base,
                     std::string& target) {
  const std::string_view path = std::string_view(target).substr(0, target.find('?'));
  for (std::size_t slash = path.rfind('/'); slash != std::string_view::npos && slash >= base;
       slash = slash == 0 ? std::string_view::npos : path.rfind('/', slash - 1)) {
    const std::string_view rest = path.substr(slash + 1);
    const std::size_t size = octets_saying(rest, model);
    const bool whole = size == rest.size() || rest[size] == '/' || rest[size] == ':';
    if (size == 0 || !whole) continue;
    // Bedrock's models are one segment, Replicate's are two.
    for (const bool keep_slashes : {false, true}) {
      std::string changed = target;
      changed.replace(slash + 1, size, in_path(wanted, keep_slashes));
      const Route now = dialect.recognise(method, std::string_view(changed).substr(base));
      if (now.endpoint != route.endpoint || now.model != wanted || now.stream != route.stream) continue;
      target = std::move(changed);
      return true;
    }
  }
  return false;
}

}  // namespace

bool replace_model(const Dialect& dialect, std::string_view method, const Route& route,
                   std::string_view model, std::string_view wanted, std::size_t base,
                   std::string& target, std::string& body) {
  if (!route.model.empty()) {
    return replace_in_path(dialect, method, route, model, wanted, base, target);
  }
  const std::string_view said = JsonMembers(body, {"model"})["model"];
  if (said.size() < 2 || said.front() != '"') return false;
  const auto at = static_cast<std::size_t>(said.data() - body.data());
  std::string name;
  append_json_string(name, wanted);
  body.replace(at, said.size(), name);
  return true;
}

}  // namespace farebox
