// Dialect: what is known of one provider API family, and nothing else.
//
// It recognises a request (endpoint, model, stream), says how the provider's key
// travels, shapes an error, and makes the reader that finds usage in a reply.
// A dialect is a row of plain functions without state or I/O; one more provider
// is one more file and a row in `dialect_for`. Thread-safe: everything is const.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "config/base/error.hpp"
#include "config/settings.hpp"
#include "proxy/dialect/body_reach.hpp"
#include "proxy/dialect/usage_reader.hpp"

namespace farebox {

// What an endpoint does, as far as metering cares. `name_of` gives the value of
// the record's `endpoint` and of the metric label.
enum class Endpoint : std::uint8_t {
  unknown,            // no dialect knows the path: forwarded, metered:false
  passthrough,        // known and never billed by request: models, files, batches, assistants ...
  chat_completions,   // OpenAI
  completions,        // OpenAI legacy
  responses,          // OpenAI
  embeddings,         // OpenAI
  images,             // OpenAI generations, edits, variations
  transcriptions,     // OpenAI audio to text
  translations,       // OpenAI audio to English text
  speech,             // OpenAI text to audio
  moderations,        // OpenAI, free
  messages,           // Anthropic
  complete,           // Anthropic legacy
  count_tokens,       // any counting endpoint, free
  generate_content,   // Gemini, whole or streamed
  embed_content,      // Gemini, single or batch
  interactions,       // Gemini
  chat,               // Cohere v1 and v2, Ollama
  generate,           // Ollama, Cohere v1, watsonx, Text Generation Inference
  embed,              // Cohere, Ollama
  rerank,             // Cohere, Voyage, Jina ...
  classify,           // Cohere
  ocr,                // Mistral
  conversations,      // Mistral
  converse,           // Bedrock, whole or streamed
  invoke,             // Bedrock, whole or streamed: the body of the model's own family
  predict,            // Vertex: embeddings, Imagen and others
  predictions,        // Replicate: billed by time
  realtime,           // WebSocket sessions
  described,          // of a dialect the operator described
};
std::string_view name_of(Endpoint endpoint);

// Billed by what the reply reports (chat, messages, embeddings ...).
bool is_metered(Endpoint endpoint);
// Known and free of charge (moderations, counting, model lists): cost is a true zero.
bool is_free(Endpoint endpoint);

// What the request line alone says.
struct Route {
  Endpoint endpoint = Endpoint::unknown;
  std::string model;     // from the path (Gemini, Azure deployments, engines); else empty
  bool stream = false;   // the path asks for a stream (streamGenerateContent)
  bool reads_body = false;  // policy wants to see the request body (it is buffered then)
  // The dialect that this path speaks at a provider of another one (Ollama's /api behind
  // `dialect: openai`); nothing where the endpoint tells it, or it is the provider's own.
  std::optional<DialectName> speaks = std::nullopt;
  bool described = false;   // the operator described this path (proxy/dialect/described.hpp)
  bool may_stream = true;   // false: such a path never streams, whatever the body asks for
  bool takes_maximum = true;  // false: its body can't say a maximum of output tokens
};

// What the body says. Everything is optional: an empty or unreadable body leaves
// the defaults and is no error (design 1.8).
struct BodyFacts {
  bool readable = false;            // a JSON object, or a multipart form
  // A member that some servers take for one that policy reads, as they don't heed capitals
  // (Go's do): "Model". Empty: there is none.
  std::string odd_key;
  std::string model;                // empty: not said
  bool stream = false;
  std::uint64_t max_output_tokens = 0;  // 0: not said
  std::uint64_t choices = 1;            // n
  // Where `stream_options.include_usage` can be spliced in: an offset into the
  // body just after the top-level '{' (no stream_options yet), or after the '{' of
  // an existing stream_options object; npos when nothing must be spliced.
  std::size_t splice_at = std::string_view::npos;
  bool splice_inside_options = false;  // inside an existing, object-valued stream_options
  bool splice_needs_comma = false;     // members follow
  bool asks_usage = false;             // the client itself set include_usage: true
  // What sets the price of things that aren't sold by the token.
  std::string size;                    // of an image, as asked for: "1024x1024"
  std::string quality;                 // of an image
  std::string search_context;          // how much a search may read: low, medium, high
  std::uint64_t characters = 0;        // of text to be spoken, in code points
  bool annotates = false;              // an OCR call that asks for annotations
  std::uint64_t input_bytes = 0;       // octets of text the model reads, an upper bound of tokens
  BodyReach reach;                     // what may cost more than the octets: for sound holds
  SaidScope said;                      // whom the request says it is for

  // The body was read, and `input_bytes + reach.added_input_tokens` bounds the input's tokens.
  bool input_is_whole() const { return readable && reach.input_is_whole(); }
};

// How the provider's key travels, first choice first.
struct Credential {
  std::string_view header;  // lower case: "authorization", "x-api-key", "api-key", "x-goog-api-key"
  std::string_view scheme;  // "Bearer " or ""
};

struct ErrorShape {
  std::string body;          // JSON
  std::string_view id_header;  // where our request id goes: "x-request-id" or "request-id"
  std::string_view amazon_type = {};  // for x-amzn-errortype, which AWS's SDKs go by
};

// What an answer of our own says.
struct Refusal {
  int status = 500;
  ErrorCode code = ErrorCode::internal;
  std::string_view type;     // OpenAI's error.type
  std::string_view message;
  std::string_view request_id;
  // Of a budget that refuses (conventions, section 5); empty: no budget did.
  std::string_view budget = {};
  Money limit = {}, remaining = {};
  std::string_view resets_at = {};  // empty: never
};

class Dialect {
 public:
  virtual ~Dialect() = default;

  virtual DialectName name() const = 0;

  // `path` is the part behind the provider's base URL, query included, beginning
  // with '/'. Never fails: what isn't known is Endpoint::unknown.
  virtual Route recognise(std::string_view method, std::string_view path) const = 0;

  // Reads the body of a request. A JSON object that repeats a key which policy
  // reads is Error(bad_request); nothing else is an error.
  virtual Result<BodyFacts> read_body(const Route& route, std::string_view content_type,
                                      std::string_view body) const = 0;

  virtual Credential credential() const = 0;

  // The reader for a reply to this request. Never null.
  virtual std::unique_ptr<UsageReader> reader(const Route& route, const BodyFacts& facts) const = 0;

  virtual ErrorShape shape_error(const Refusal& refusal) const = 0;

  // An error event for a stream that has begun, or empty where the dialect has none.
  virtual std::string stream_error(const Refusal& refusal) const = 0;
};

// The dialect of that name.
const Dialect& dialect_for(DialectName name);

}  // namespace farebox
