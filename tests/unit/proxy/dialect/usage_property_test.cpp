// Whatever a reply puts in the place of a count, the usage that is read is exact, or it is
// refused (no usage: farebox counts itself and says so) or marked: nothing becomes 0, is cut
// down or wraps around. Every field of every reader, with everything JSON can say there.
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "policy/pricing.hpp"
#include "proxy/reply_bill.hpp"

namespace farebox {
namespace {

using Json = nlohmann::ordered_json;

// What stands in the place of the count in a reply's text, to be replaced.
constexpr const char* kMark = "@@";

struct Reader {
  const char* name;
  const char* provider;
  DialectName dialect;
  const char* path;
  const char* model;
  const char* reply;
  std::vector<const char*> counts;     // JSON pointers of fields that set the price
  std::vector<const char*> redundant;  // of fields that only repeat others
};

const std::vector<Reader>& readers() {
  static const std::vector<Reader> all = {
      {"chat", "p", DialectName::openai, "/v1/chat/completions", "all",
       R"({"model":"all","choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}],
           "usage":{"prompt_tokens":1000,"completion_tokens":500,"total_tokens":1500,
             "prompt_tokens_details":{"cached_tokens":100,"cache_write_tokens":90,"audio_tokens":80,"image_tokens":70},
             "completion_tokens_details":{"reasoning_tokens":60,"audio_tokens":50,"image_tokens":40}}})",
       {"/usage/prompt_tokens", "/usage/completion_tokens",
        "/usage/prompt_tokens_details/cached_tokens", "/usage/prompt_tokens_details/cache_write_tokens",
        "/usage/prompt_tokens_details/audio_tokens", "/usage/prompt_tokens_details/image_tokens",
        "/usage/completion_tokens_details/reasoning_tokens",
        "/usage/completion_tokens_details/audio_tokens",
        "/usage/completion_tokens_details/image_tokens"},
       {"/usage/total_tokens"}},
      {"completions", "p", DialectName::openai, "/v1/completions", "all",
       R"({"model":"all","choices":[{"text":"x","finish_reason":"stop"}],
           "usage":{"prompt_tokens":1000,"completion_tokens":500}})",
       {"/usage/prompt_tokens", "/usage/completion_tokens"}, {}},
      {"responses", "p", DialectName::openai, "/v1/responses", "all",
       R"({"object":"response","status":"completed","model":"all","output":[],
           "usage":{"input_tokens":1000,"input_tokens_details":{"cached_tokens":100,"cache_write_tokens":90},
             "output_tokens":500,"output_tokens_details":{"reasoning_tokens":60},"total_tokens":1500}})",
       {"/usage/input_tokens", "/usage/output_tokens", "/usage/input_tokens_details/cached_tokens",
        "/usage/input_tokens_details/cache_write_tokens",
        "/usage/output_tokens_details/reasoning_tokens"},
       {"/usage/total_tokens"}},
      {"embeddings", "p", DialectName::openai, "/v1/embeddings", "all",
       R"({"object":"list","model":"all","data":[],"usage":{"prompt_tokens":1000,"total_tokens":1000}})",
       {"/usage/prompt_tokens"}, {"/usage/total_tokens"}},
      {"images", "p", DialectName::openai, "/v1/images/generations", "all",
       R"({"created":1,"data":[{"b64_json":"eA=="}],
           "usage":{"input_tokens":1000,"output_tokens":500,"total_tokens":1500,
             "input_tokens_details":{"text_tokens":930,"image_tokens":70},
             "output_tokens_details":{"text_tokens":460,"image_tokens":40}}})",
       {"/usage/input_tokens", "/usage/output_tokens", "/usage/input_tokens_details/image_tokens",
        "/usage/output_tokens_details/image_tokens"},
       {"/usage/total_tokens", "/usage/input_tokens_details/text_tokens",
        "/usage/output_tokens_details/text_tokens"}},
      {"transcriptions", "p", DialectName::openai, "/v1/audio/transcriptions", "all",
       R"({"text":"x","usage":{"type":"tokens","input_tokens":1000,"output_tokens":500,"total_tokens":1500,
           "input_token_details":{"text_tokens":920,"audio_tokens":80}}})",
       {"/usage/input_tokens", "/usage/output_tokens", "/usage/input_token_details/audio_tokens"},
       {"/usage/total_tokens", "/usage/input_token_details/text_tokens"}},
      {"messages", "p", DialectName::anthropic, "/v1/messages", "all",
       R"({"type":"message","model":"all","content":[],"stop_reason":"end_turn",
           "usage":{"input_tokens":1000,"cache_creation_input_tokens":90,"cache_read_input_tokens":100,
             "cache_creation":{"ephemeral_5m_input_tokens":50,"ephemeral_1h_input_tokens":40},
             "output_tokens":500,"output_tokens_details":{"thinking_tokens":60},
             "server_tool_use":{"web_search_requests":3},
             "iterations":[{"type":"compaction","input_tokens":700,"cache_creation_input_tokens":9,
               "cache_read_input_tokens":8,"output_tokens":70}]}})",
       {"/usage/input_tokens", "/usage/cache_creation_input_tokens", "/usage/cache_read_input_tokens",
        "/usage/cache_creation/ephemeral_1h_input_tokens", "/usage/output_tokens",
        "/usage/output_tokens_details/thinking_tokens", "/usage/server_tool_use/web_search_requests",
        "/usage/iterations/0/input_tokens", "/usage/iterations/0/cache_creation_input_tokens",
        "/usage/iterations/0/cache_read_input_tokens", "/usage/iterations/0/output_tokens"},
       {"/usage/cache_creation/ephemeral_5m_input_tokens"}},
      {"generateContent", "p", DialectName::gemini, "/v1beta/models/all:generateContent", "all",
       R"({"candidates":[{"content":{"parts":[{"text":"x"}]},"finishReason":"STOP"}],"modelVersion":"all",
           "usageMetadata":{"promptTokenCount":1000,"candidatesTokenCount":500,"thoughtsTokenCount":60,
             "toolUsePromptTokenCount":30,"cachedContentTokenCount":100,"totalTokenCount":1590,
             "promptTokensDetails":[{"modality":"AUDIO","tokenCount":80},{"modality":"IMAGE","tokenCount":70}],
             "candidatesTokensDetails":[{"modality":"AUDIO","tokenCount":50},{"modality":"IMAGE","tokenCount":40}]}})",
       {"/usageMetadata/promptTokenCount", "/usageMetadata/candidatesTokenCount",
        "/usageMetadata/thoughtsTokenCount", "/usageMetadata/toolUsePromptTokenCount",
        "/usageMetadata/cachedContentTokenCount", "/usageMetadata/promptTokensDetails/0/tokenCount",
        "/usageMetadata/promptTokensDetails/1/tokenCount",
        "/usageMetadata/candidatesTokensDetails/0/tokenCount",
        "/usageMetadata/candidatesTokensDetails/1/tokenCount"},
       {"/usageMetadata/totalTokenCount"}},
      {"interactions", "p", DialectName::gemini, "/v1beta/interactions", "all",
       R"({"model":"all","status":"completed","outputs":[],
           "usage":{"total_input_tokens":1000,"total_output_tokens":500,"total_thought_tokens":60,
             "total_tool_use_tokens":30,"total_cached_tokens":100,"total_tokens":1590}})",
       {"/usage/total_input_tokens", "/usage/total_output_tokens", "/usage/total_thought_tokens",
        "/usage/total_tool_use_tokens", "/usage/total_cached_tokens"},
       {"/usage/total_tokens"}},
      {"embedContent", "p", DialectName::gemini, "/v1beta/models/all:embedContent", "all",
       R"({"embedding":{"values":[1]},"usageMetadata":{"promptTokenCount":1000,"totalTokenCount":1000}})",
       {"/usageMetadata/promptTokenCount"}, {"/usageMetadata/totalTokenCount"}},
      {"cohere", "p", DialectName::cohere, "/v2/chat", "all",
       R"({"id":"x","finish_reason":"COMPLETE","message":{"content":[]},
           "usage":{"billed_units":{"input_tokens":1000,"output_tokens":500},
             "tokens":{"input_tokens":1200,"output_tokens":500}}})",
       {"/usage/billed_units/input_tokens", "/usage/billed_units/output_tokens"}, {}},
      {"rerank", "p", DialectName::cohere, "/v2/rerank", "all",
       R"({"id":"x","results":[],"meta":{"billed_units":{"search_units":3}}})",
       {"/meta/billed_units/search_units"}, {}},
      {"ocr", "p", DialectName::mistral, "/v1/ocr", "all",
       R"({"model":"all","pages":[],"usage_info":{"pages_processed":7,"doc_size_bytes":1}})",
       {"/usage_info/pages_processed"}, {}},
      {"converse", "p", DialectName::bedrock, "/model/all/converse", "all",
       R"({"output":{"message":{"content":[]}},"stopReason":"end_turn",
           "usage":{"inputTokens":1000,"outputTokens":500,"totalTokens":1690,
             "cacheReadInputTokens":100,"cacheWriteInputTokens":90}})",
       {"/usage/inputTokens", "/usage/outputTokens", "/usage/cacheReadInputTokens",
        "/usage/cacheWriteInputTokens"},
       {"/usage/totalTokens"}},
      {"ollama", "p", DialectName::ollama, "/api/chat", "all",
       R"({"model":"all","message":{"content":"x"},"done":true,"done_reason":"stop",
           "prompt_eval_count":1000,"eval_count":500})",
       {"/prompt_eval_count", "/eval_count"}, {}},
  };
  return all;
}

// Every kind of token has a price of its own, so that a lost count shows in the cost.
const PriceTable& prices() {
  static const PriceTable table = *PriceTable::parse(R"({"schema":1,"version":"t","models":[
    {"provider":"p","model":"all","mode":"chat","input":"100","cache_read":"10","cache_write_5m":"125",
     "cache_write_1h":"200","output":"300","reasoning":"350","audio_input":"1000","audio_cache_read":"900",
     "audio_cache_write":"1100","audio_output":"2000","image_input":"400","image_output":"3000","citation":"5",
     "units":{"web_search_low":"1","web_search_medium":"1","web_search_high":"1","second_input":"1",
              "character_input":"1","query":"1","page_ocr":"1"}}]})", "property");
  return table;
}

struct Seen {
  bool reported = false;
  bool marked = false;  // no price, or an estimate
  std::string cost;
};

Seen read(const Reader& reader, std::string reply) {
  RepliedCall call;
  call.provider = reader.provider;
  call.dialect = reader.dialect;
  call.path = reader.path;
  call.model = reader.model;
  call.reply = std::move(reply);
  const ReplyBill found = bill_reply(call, prices());
  Seen seen;
  seen.reported = found.reading.usage.source == UsageSource::reported;
  seen.marked = !found.bill.priced || found.bill.estimated;
  seen.cost = found.bill.cost.decimal();
  return seen;
}

// The reply with `text` in the place of a count; with nothing, without the field.
std::string with(const Reader& reader, const char* pointer, const std::string& text) {
  Json reply = Json::parse(reader.reply);
  reply.at(Json::json_pointer(pointer)) = kMark;
  std::string out = reply.dump();
  const std::string mark = '"' + std::string(kMark) + '"';
  return out.replace(out.find(mark), mark.size(), text);
}

std::string last_name(const std::string& pointer) {
  return pointer.substr(pointer.rfind('/') + 1);
}

const std::vector<std::string> kNoCounts = {
    "-1", "-9007199254740993", "25.5", "0.1", "1e400", "-1e400", "9007199254740993", "18446744073709551615",
    "18446744073709551616", "340282366920938463463374607431768211456", "99999999999999999999e20", "1e-1",
    "\"12\"", "\"\"", "true", "false", "[12]", "[]", "{\"a\":12}", "{}"};

TEST(UsageProperty, WhatIsNoCountIsRefusedOrMarked) {
  std::map<std::string, std::string> wrong;
  for (const Reader& reader : readers()) {
    const Seen plain = read(reader, Json::parse(reader.reply).dump());
    for (const char* pointer : reader.counts) {
      for (const std::string& text : kNoCounts) {
        const Seen seen = read(reader, with(reader, pointer, text));
        // Exact all the same where the count follows from the others.
        const bool exact = plain.reported && seen.reported && seen.cost == plain.cost;
        if (!seen.reported || seen.marked || exact) continue;
        wrong[std::string(reader.name) + " " + pointer] += " " + text;
      }
    }
  }
  for (const auto& [field, texts] : wrong) {
    ADD_FAILURE() << field << " is let pass as unsaid:" << texts;
  }
}

// null is not said, which is not 0: for a part it means that nobody knows of any.
TEST(UsageProperty, NullIsWhatIsNotThere) {
  for (const Reader& reader : readers()) {
    for (const char* pointer : reader.counts) {
      Json reply = Json::parse(reader.reply);
      const Json::json_pointer place(pointer);
      reply.at(place.parent_pointer()).erase(last_name(pointer));
      const Seen absent = read(reader, reply.dump());
      const Seen null = read(reader, with(reader, pointer, "null"));
      // Where nothing said is 0 (Ollama leaves zeroes out), null is unknown all the same.
      if (!null.reported) continue;
      EXPECT_TRUE(absent.reported) << reader.name << " " << pointer;
      EXPECT_EQ(null.cost, absent.cost) << reader.name << " " << pointer;
    }
  }
}

// The same number in another spelling is the same number.
TEST(UsageProperty, WholeNumbersAreExactHoweverTheyAreWritten) {
  for (const Reader& reader : readers()) {
    for (const char* pointer : reader.counts) {
      const Seen plain = read(reader, with(reader, pointer, "20"));
      for (const char* text : {"20.0", "2e1", "2E+1", "200e-1", " 20", "20.000"}) {
        const Seen seen = read(reader, with(reader, pointer, text));
        if (!seen.reported) continue;  // refused
        EXPECT_EQ(seen.cost, plain.cost) << reader.name << " " << pointer << " " << text;
      }
    }
  }
}

// A name that is there twice: one of the two counts, never none and never their sum.
TEST(UsageProperty, RepeatedNamesAreOneOfTheTwo) {
  for (const Reader& reader : readers()) {
    for (const char* pointer : reader.counts) {
      const Seen first = read(reader, with(reader, pointer, "20"));
      const Seen second = read(reader, with(reader, pointer, "30"));
      const Seen seen = read(reader, with(reader, pointer, "20,\"" + last_name(pointer) + "\":30"));
      if (!seen.reported || seen.marked) continue;
      EXPECT_TRUE(seen.cost == first.cost || seen.cost == second.cost)
          << reader.name << " " << pointer << ": " << seen.cost;
    }
  }
}

// A field that only repeats what others say can't spoil them.
TEST(UsageProperty, NonsenseInRedundantFieldsChangesNothing) {
  for (const Reader& reader : readers()) {
    const Seen plain = read(reader, Json::parse(reader.reply).dump());
    for (const char* pointer : reader.redundant) {
      for (const std::string& text : kNoCounts) {
        const Seen seen = read(reader, with(reader, pointer, text));
        if (!seen.reported) continue;
        EXPECT_EQ(seen.cost, plain.cost) << reader.name << " " << pointer << " " << text;
      }
    }
  }
}

// Up to 2^53 a count is exact to the token; what is too much to be priced is marked.
TEST(UsageProperty, LargeCountsAreExactOrMarked) {
  const Reader& chat = readers().front();
  RepliedCall call;
  call.provider = chat.provider;
  call.path = chat.path;
  for (int bits = 0; bits <= 53; ++bits) {
    const std::uint64_t count = std::uint64_t(1) << bits;
    call.reply = R"({"model":"all","usage":{"prompt_tokens":)" + std::to_string(count) +
                 R"(,"completion_tokens":0}})";
    const ReplyBill found = bill_reply(call, prices());
    ASSERT_EQ(found.reading.usage.source, UsageSource::reported) << bits;
    EXPECT_EQ(found.reading.usage.input, count);
    if (!found.bill.priced) {
      EXPECT_GT(bits, 48);
      continue;
    }
    EXPECT_TRUE(found.bill.cost == Money::picodollars(Int128(count) * 100'000'000)) << bits;
  }
}

}  // namespace
}  // namespace farebox
