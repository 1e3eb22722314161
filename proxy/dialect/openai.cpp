// OpenAI and every provider that speaks its API.
#include "proxy/dialect/body_facts.hpp"
#include "proxy/dialect/error_shape.hpp"
#include "proxy/dialect/families.hpp"
#include "proxy/dialect/paths.hpp"
#include "proxy/dialect/readers.hpp"

namespace farebox {
namespace {

class OpenAiDialect final : public Dialect {
 public:
  DialectName name() const override { return DialectName::openai; }

  Route recognise(std::string_view method, std::string_view path) const override {
    return recognise_path(name(), method, path);
  }

  Result<BodyFacts> read_body(const Route& route, std::string_view content_type,
                              std::string_view body) const override {
    return read_body_facts(route, content_type, body);
  }

  Credential credential() const override { return {"authorization", "Bearer "}; }

  std::unique_ptr<UsageReader> reader(const Route& route, const BodyFacts&) const override {
    return reader_for(route, name());
  }

  ErrorShape shape_error(const Refusal& refusal) const override { return openai_error(refusal); }

  std::string stream_error(const Refusal& refusal) const override {
    return openai_stream_error(refusal);
  }
};

}  // namespace

const Dialect& openai_dialect() {
  static const OpenAiDialect dialect;
  return dialect;
}

}  // namespace farebox
