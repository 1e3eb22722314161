// What Bedrock reports of tokens, in all of its places (botocore bedrock-runtime service
// model: TokenUsage, CacheDetail; InvokeModel's response headers; the
// `amazon-bedrock-invocationMetrics` member of a stream's last chunk). In all of them the
// input leaves cache reads and cache writes out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "policy/usage.hpp"
#include "proxy/dialect/json_cursor.hpp"
#include "proxy/http/head.hpp"

namespace farebox {

// As sent; nothing means that it wasn't said, or that it was no count.
struct BedrockUsage {
  std::optional<Tokens> input, output, total;
  std::optional<Tokens> cache_read, cache_write, cache_write_1h;
  std::vector<UsageExtra> server_tools;
  bool cache_unusable = false;  // something was said of the cache, but it is no count
  bool tools_unusable = false;  // the same of the server's tools

  // Reads the object at the cursor: a TokenUsage of Converse or Nova, or invocation
  // metrics. Other objects (Anthropic's, OpenAI's usage) say nothing here.
  static BedrockUsage read(JsonCursor& cursor);
  // The x-amzn-bedrock-*-token-count fields of a reply to InvokeModel.
  static BedrockUsage read(const http::ResponseHead& head);

  // Takes what the other says and this doesn't.
  void fill_from(const BedrockUsage& other);

  bool says_anything() const { return input || output || total; }

  // The counts as farebox means them; false when one side is missing. Embeddings have no
  // output.
  bool put_into(Usage& usage, bool has_output) const;
};

}  // namespace farebox
