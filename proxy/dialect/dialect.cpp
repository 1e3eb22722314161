#include "proxy/dialect/dialect.hpp"

#include "proxy/dialect/families.hpp"
#include "proxy/dialect/readers.hpp"

namespace farebox {
namespace {

// For endpoints that aren't metered, whose replies may be large files.
class NoReader final : public UsageReader {
 public:
  void feed(std::string_view) override {}
  bool whole() const override { return true; }
  Reading finish() override { return {}; }
};

}  // namespace

std::string_view name_of(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::unknown: return "unknown";
    case Endpoint::passthrough: return "passthrough";
    case Endpoint::chat_completions: return "chat.completions";
    case Endpoint::completions: return "completions";
    case Endpoint::responses: return "responses";
    case Endpoint::embeddings: return "embeddings";
    case Endpoint::images: return "images";
    case Endpoint::transcriptions: return "audio.transcriptions";
    case Endpoint::translations: return "audio.translations";
    case Endpoint::speech: return "audio.speech";
    case Endpoint::moderations: return "moderations";
    case Endpoint::messages: return "messages";
    case Endpoint::complete: return "complete";
    case Endpoint::count_tokens: return "count_tokens";
    case Endpoint::generate_content: return "generateContent";
    case Endpoint::embed_content: return "embedContent";
    case Endpoint::interactions: return "interactions";
    case Endpoint::chat: return "chat";
    case Endpoint::generate: return "generate";
    case Endpoint::embed: return "embed";
    case Endpoint::rerank: return "rerank";
    case Endpoint::classify: return "classify";
    case Endpoint::ocr: return "ocr";
    case Endpoint::conversations: return "conversations";
    case Endpoint::converse: return "converse";
    case Endpoint::invoke: return "invoke";
    case Endpoint::predict: return "predict";
    case Endpoint::predictions: return "predictions";
    case Endpoint::realtime: return "realtime";
    case Endpoint::described: return "described";
  }
  return "unknown";
}

bool is_metered(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::unknown:
    case Endpoint::passthrough:
    case Endpoint::moderations:
    case Endpoint::count_tokens: return false;
    default: return true;
  }
}

bool is_free(Endpoint endpoint) {
  return endpoint != Endpoint::unknown && !is_metered(endpoint);
}

std::unique_ptr<UsageReader> reader_for(Endpoint endpoint, ReaderQuirks quirks) {
  switch (endpoint) {
    case Endpoint::unknown:
    case Endpoint::passthrough: return std::make_unique<NoReader>();
    case Endpoint::messages:
    case Endpoint::complete: return anthropic_reader();
    case Endpoint::generate_content:
    case Endpoint::embed_content:
    case Endpoint::interactions: return gemini_reader();
    case Endpoint::predict: return predict_reader();
    case Endpoint::chat:
    case Endpoint::embed: return cohere_reader();
    case Endpoint::conversations: return conversation_reader();
    case Endpoint::generate:
    case Endpoint::predictions: return generation_reader();
    case Endpoint::converse:
    case Endpoint::invoke: return bedrock_reader();
    default: return openai_reader(endpoint, quirks);
  }
}

std::unique_ptr<UsageReader> reader_for(const Route& route, DialectName own, ReaderQuirks quirks) {
  const DialectName speaks = route.speaks.value_or(own);
  switch (route.endpoint) {
    case Endpoint::chat:
    case Endpoint::generate:
    case Endpoint::embed:
      if (speaks == DialectName::ollama) return ollama_reader(route.endpoint);
      [[fallthrough]];
    case Endpoint::rerank:
    case Endpoint::classify:
      if (speaks == DialectName::cohere) return cohere_reader();
      break;
    default: break;
  }
  return reader_for(route.endpoint, quirks);
}

const Dialect& dialect_for(DialectName name) {
  switch (name) {
    case DialectName::anthropic: return anthropic_dialect();
    case DialectName::gemini: return gemini_dialect();
    case DialectName::azure: return azure_dialect();
    case DialectName::mistral: return mistral_dialect();
    case DialectName::cohere: return cohere_dialect();
    case DialectName::ollama: return ollama_dialect();
    case DialectName::bedrock: return bedrock_dialect();
    case DialectName::openai: break;
  }
  return openai_dialect();
}

}  // namespace farebox
