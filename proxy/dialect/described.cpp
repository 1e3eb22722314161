#include "proxy/dialect/described.hpp"

#include <algorithm>

#include "proxy/dialect/body_facts.hpp"
#include "proxy/dialect/described_reader.hpp"
#include "proxy/dialect/octet_scan.hpp"
#include "proxy/dialect/openai_paths.hpp"
#include "proxy/dialect/pointer_tree.hpp"
#include "proxy/dialect/reach_walk.hpp"
#include "proxy/dialect/request_path.hpp"

namespace farebox {
namespace {

using Says = DescribedDialect::Says;
using Kind = JsonCursor::Kind;

// The endpoint that records call so; every word of kDescribedEndpoints is one.
Endpoint endpoint_named(std::string_view name) {
  for (int value = 0; value <= static_cast<int>(Endpoint::described); ++value) {
    const Endpoint endpoint = static_cast<Endpoint>(value);
    if (name_of(endpoint) == name) return endpoint;
  }
  return Endpoint::described;
}

class DescribedFamily final : public Dialect {
 public:
  explicit DescribedFamily(const DescribedDialect& description)
      : description_(description),
        base_(dialect_for(description.base)),
        reply_(description_) {
    for (const auto& member : description_.request) {
      request_.add(member.at, static_cast<std::uint8_t>(member.what));
    }
  }

  DialectName name() const override { return base_.name(); }
  Route recognise(std::string_view method, std::string_view path) const override;
  Result<BodyFacts> read_body(const Route& route, std::string_view content_type,
                              std::string_view body) const override;
  Credential credential() const override {
    if (description_.credential_header.empty()) return base_.credential();
    return {description_.credential_header, description_.credential_scheme};
  }
  std::unique_ptr<UsageReader> reader(const Route& route, const BodyFacts& facts) const override {
    if (!route.described) return base_.reader(route, facts);
    return described_reader(reply_, route.endpoint);
  }
  ErrorShape shape_error(const Refusal& refusal) const override {
    return base_.shape_error(refusal);
  }
  std::string stream_error(const Refusal& refusal) const override {
    return base_.stream_error(refusal);
  }

 private:
  const DescribedDialect description_;
  const Dialect& base_;
  const DescribedReply reply_;
  PointerTree request_;
};

// Does the path fit the pattern? A part {model} takes any one segment into `model`.
bool fits(std::span<const std::string> segments, std::string_view pattern, std::string& model) {
  for (const std::string& segment : segments) {
    if (!pattern.starts_with('/')) return false;
    pattern.remove_prefix(1);
    const std::string_view part = pattern.substr(0, pattern.find('/'));
    if (part == "{model}") {
      model = segment;
    } else if (part != segment) {
      return false;
    }
    pattern.remove_prefix(part.size());
  }
  return pattern.empty() || pattern == "/";
}

Route DescribedFamily::recognise(std::string_view method, std::string_view path) const {
  const RequestPath request(path);
  for (const DescribedDialect::Path& known : description_.paths) {
    std::string model;
    if (known.method != method || !fits(request.segments(), known.path, model)) continue;
    Route route;
    route.described = true;
    route.endpoint = endpoint_named(known.endpoint);
    route.model = std::move(model);
    route.stream = known.streams == DescribedDialect::Streams::always;
    route.may_stream = known.streams != DescribedDialect::Streams::never;
    route.reads_body = reads_body(route.endpoint);
    return route;
  }
  return base_.recognise(method, path);
}

// AD-HOC: what isn't described is read as any dialect's: types, URLs and the names that others
// give to references. An API that hides a reference behind a plain word isn't seen through.
void read_reach(const Route& route, std::string_view object, BodyFacts& facts) {
  JsonCursor cursor(object);
  ReachWalk walk(route, cursor, facts);
  cursor.each_member([&](std::string_view key) { walk.read(key); });
  walk.finish();
}

Result<BodyFacts> DescribedFamily::read_body(const Route& route, std::string_view content_type,
                                             std::string_view body) const {
  if (!route.described) return base_.read_body(route, content_type, body);
  BodyFacts facts;
  facts.input_bytes = body.size();
  facts.model = route.model;
  facts.stream = route.stream;
  std::size_t start = body.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  start = std::min(body.find_first_not_of(" \t\r\n", start), body.size());
  if (start == body.size() || body[start] != '{') return facts;

  BodyFacts said = facts;
  JsonCursor cursor(body.substr(start));
  const bool once = request_.walk(cursor, [&](std::uint8_t tag, JsonCursor& value) {
    switch (static_cast<Says>(tag)) {
      case Says::model:
        if (const auto text = value.string(); text && said.model.empty()) {
          said.model = text->decoded();
        }
        break;
      case Says::stream:
        said.stream = said.stream || (value.boolean().value_or(false) && route.may_stream);
        break;
      case Says::max_output_tokens: said.max_output_tokens = read_bound(value); break;
      default: break;
    }
  });
  if (!cursor.at_end()) return facts;
  read_reach(route, body.substr(start), said);
  if (!once) {
    return Error(ErrorCode::bad_request, Fault::client, Retry::no,
                 "The request body repeats a key that its model, stream or maximum depends on. "
                 "Send it once.");
  }
  constexpr std::size_t kMaxModel = 1024;
  if (said.model.size() > kMaxModel) said.model.clear();
  said.readable = true;
  return said;
}

}  // namespace

std::unique_ptr<const Dialect> described_dialect(const DescribedDialect& description) {
  return std::make_unique<DescribedFamily>(description);
}

}  // namespace farebox
