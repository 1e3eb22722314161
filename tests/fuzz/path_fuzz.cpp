// Request paths of any octets: the first octet picks the dialect, the second the method. The
// spelling of a path changes nothing, and a model that is put in another's place is the one that
// the path names then.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/dialect/model_name.hpp"
#include "proxy/dialect/request_path.hpp"
#include "tests/fuzz/dialects.hpp"

namespace {

using namespace farebox;

constexpr std::string_view kMethods[] = {"POST", "GET", "DELETE", "post"};

void require(bool holds) {
  if (!holds) std::abort();
}

bool same(const Route& a, const Route& b) {
  return a.endpoint == b.endpoint && a.model == b.model && a.stream == b.stream &&
         a.reads_body == b.reads_body && a.speaks == b.speaks && a.may_stream == b.may_stream &&
         a.takes_maximum == b.takes_maximum;
}

void check_segments(std::string_view path) {
  const RequestPath request(path);
  require(request.segments().size() <= RequestPath::kMaxSegments);
  for (const std::string& segment : request.segments()) {
    require(!segment.empty() && segment != "." && segment != ".." && segment.size() <= path.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const Dialect& dialect = picked_dialect(data[0]);
  const std::string_view method = kMethods[data[1] % 4];
  const std::string path = "/" + std::string(reinterpret_cast<const char*>(data) + 2, size - 2);
  check_segments(path);
  const Route route = dialect.recognise(method, path);
  require(route.model.size() <= path.size());
  require(is_metered(route.endpoint) == route.reads_body);
  // What nearly all clients write is known without reading it; by the rules it means the same.
  require(same(route, dialect.recognise(method, "/./x/.." + path)));
  const std::string bare = path.substr(0, path.find_first_of("?#"));
  require(same(route, dialect.recognise(method, bare + "?model=/x:y")));

  std::string target = path, body = R"({"model":"a"})";
  const bool replaced = replace_model(dialect, method, route, route.model.empty() ? "a" : route.model,
                                      "the/new one", 0, target, body);
  if (route.model.empty()) {
    require(replaced && target == path && body == R"({"model":"the/new one"})");
    return 0;
  }
  require(body == R"({"model":"a"})");
  if (!replaced) {
    require(target == path);
    return 0;
  }
  const Route now = dialect.recognise(method, target);
  require(now.endpoint == route.endpoint && now.model == "the/new one" && now.stream == route.stream);
  require(target.ends_with(path.substr(bare.size())));
  return 0;
}
