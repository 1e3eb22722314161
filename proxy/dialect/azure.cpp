// Azure OpenAI and Azure AI Foundry (openai-python lib/azure.py): OpenAI's API with the
// deployment in the path, or behind /openai/v1, or (Foundry) behind /models.
#include "proxy/dialect/body_facts.hpp"
#include "proxy/dialect/error_shape.hpp"
#include "proxy/dialect/families.hpp"
#include "proxy/dialect/paths.hpp"
#include "proxy/dialect/readers.hpp"

namespace farebox {
namespace {

class AzureDialect final : public Dialect {
 public:
  DialectName name() const override { return DialectName::azure; }

  Route recognise(std::string_view method, std::string_view path) const override {
    return recognise_path(name(), method, path);
  }

  Result<BodyFacts> read_body(const Route& route, std::string_view content_type,
                              std::string_view body) const override {
    return read_body_facts(route, content_type, body);
  }

  Credential credential() const override { return {"api-key", ""}; }

  std::unique_ptr<UsageReader> reader(const Route& route, const BodyFacts&) const override {
    return reader_for(route, name());
  }

  ErrorShape shape_error(const Refusal& refusal) const override { return openai_error(refusal); }

  std::string stream_error(const Refusal& refusal) const override {
    return openai_stream_error(refusal);
  }
};

}  // namespace

const Dialect& azure_dialect() {
  static const AzureDialect dialect;
  return dialect;
}

}  // namespace farebox
