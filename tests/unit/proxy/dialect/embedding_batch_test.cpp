#include "proxy/dialect/embedding_batch.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>

#include "proxy/dialect/json_cursor.hpp"

namespace farebox {
namespace {

using Json = nlohmann::ordered_json;

TEST(EmbeddingBatch, ReadsSingleInputs) {
  struct Row {
    const char* body;
    const char* input;
    std::uint64_t most_tokens;
  };
  const Row rows[] = {
      {R"({"model":"m","input":"hello"})", R"("hello")", 5},
      {R"({"input" : "h\u00e9llo" ,"model":"m"})", R"("h\u00e9llo")", 6},
      {R"({"model":"m","input":["hello"]})", R"("hello")", 5},
      {R"({"model":"m","input": [ "hello" ] })", R"("hello")", 5},
      {R"({"model":"m","input":[1,2,3]})", "[1,2,3]", 3},
      {R"({"model":"m","input":[ 1 ]})", "[ 1 ]", 1},
      {R"({"model":"m","input":[[1, 2]]})", "[1, 2]", 2},
      {R"({"model":"m","in\u0070ut":"x","user":"u"})", R"("x")", 1},
  };
  for (const Row& row : rows) {
    const auto call = read_embedding_call(row.body);
    ASSERT_TRUE(call) << row.body;
    EXPECT_EQ(call->input, row.input) << row.body;
    EXPECT_EQ(call->most_tokens, row.most_tokens) << row.body;
  }
}

TEST(EmbeddingBatch, LeavesAloneWhatCantBeJoined) {
  for (const char* body :
       {"", "[]", "{}", R"({"model":"m"})", R"({"input":""})", R"({"input":[]})", R"({"input":[""]})",
        R"({"input":[[]]})", R"({"input":["a","b"]})", R"({"input":["a",1]})", R"({"input":[[1],[2]]})",
        R"({"input":[[[1]]]})", R"({"input":[["a"]]})", R"({"input":[1,[2]]})", R"({"input":[1.5]})",
        R"({"input":[-1]})", R"({"input":{"text":"a"}})", R"({"input":[{"text":"a"}]})",
        R"({"input":null})", R"({"input":1})", R"({"input":true})", R"({"input":"a","input":"b"})",
        R"({"input":"a","model":"m","model":"n"})", R"({"input":"a","stream":false})",
        R"({"input":"a"}x)", R"({"input":"a)"}) {
    EXPECT_FALSE(read_embedding_call(body)) << body;
  }
}

TEST(EmbeddingBatch, GroupsByAllOtherMembers) {
  const auto group = [](std::string_view body) { return read_embedding_call(body)->group; };
  const Digest first = group(R"({"model":"m","dimensions":8,"input":"a"})");
  EXPECT_EQ(first, group(R"({"input":["b"], "dimensions" : 8,"model":"\u006d"})"));
  for (const char* other :
       {R"({"model":"n","dimensions":8,"input":"a"})", R"({"model":"m","dimensions":9,"input":"a"})",
        R"({"model":"m","input":"a"})", R"({"model":"m","dimensions":8,"input":[1]})",
        R"({"model":"m","dimensions":8,"input":"a","user":"u"})",
        R"({"model":"m","dimensions":8,"input":"a","encoding_format":"base64"})"}) {
    EXPECT_NE(first, group(other)) << other;
  }
}

TEST(EmbeddingBatch, JoinsWhatTheFirstCallSays) {
  const std::string bodies[] = {R"({"model": "m", "input": "a", "user": "u"})",
                                R"({"user":"u","input":["b\n"],"model":"m"})",
                                R"({"user":"u","input":[ "c" ],"model":"m"})"};
  std::vector<EmbeddingCall> calls;
  for (const std::string& body : bodies) calls.push_back(*read_embedding_call(body));
  EXPECT_EQ(join_embedding_calls(calls), R"({"model": "m", "input": ["a","b\n","c"], "user": "u"})");
  EXPECT_EQ(join_embedding_calls(std::span(calls).first(1)), R"({"model": "m", "input": ["a"], "user": "u"})");
}

// What a server would answer.
struct Embedded {
  std::string vector;  // as JSON
  std::uint64_t tokens = 0;
};

enum class Style { compact, spaced, pretty };

struct Server {
  Style style = Style::compact;
  bool index_last = false;
  bool usage_first = false;
  bool shuffled = false;
  bool details = false;

  std::string answer(const std::vector<Embedded>& all) const {
    std::uint64_t tokens = 0;
    std::vector<Json> data;
    for (std::size_t i = 0; i < all.size(); ++i) {
      tokens += all[i].tokens;
      Json one;
      one["object"] = "embedding";
      if (!index_last) one["index"] = i;
      one["embedding"] = Json::parse(all[i].vector);
      if (index_last) one["index"] = i;
      data.push_back(one);
    }
    if (shuffled) std::reverse(data.begin(), data.end());
    Json usage = {{"prompt_tokens", tokens}, {"total_tokens", tokens}};
    if (details) {
      usage["completion_tokens"] = 0;
      usage["prompt_tokens_details"] = {{"text_tokens", tokens}, {"audio_seconds", nullptr}};
      usage["service"] = "x1";
    }
    Json reply;
    reply["object"] = "list";
    if (usage_first) reply["usage"] = usage;
    reply["data"] = data;
    reply["model"] = "text-embedding-3-small";
    if (!usage_first) reply["usage"] = usage;
    switch (style) {
      case Style::compact: return reply.dump();
      case Style::pretty: return reply.dump(2) + "\n";
      case Style::spaced: break;
    }
    std::string text;
    bool quoted = false;
    for (const char octet : reply.dump()) {
      text += octet;
      if (octet == '"') quoted = !quoted;
      if (!quoted && (octet == ',' || octet == ':')) text += ' ';
    }
    return text;
  }
};

TEST(EmbeddingBatch, EachReplyIsWhatTheCallerWouldHaveSeenAlone) {
  const std::vector<Embedded> all = {{"[0.1,-2.5e-05,1.0]", 3}, {"\"AACAPw==\"", 1}, {"[]", 120}, {"[7]", 8}};
  std::vector<std::uint64_t> weights;
  for (const Embedded& one : all) weights.push_back(one.tokens);
  for (unsigned bits = 0; bits < 48; ++bits) {
    const Server server{static_cast<Style>(bits % 3), (bits / 3 & 1) != 0, (bits / 6 & 1) != 0,
                        (bits / 12 & 1) != 0, (bits / 24 & 1) != 0};
    const auto replies = split_embedding_reply(server.answer(all), weights);
    ASSERT_TRUE(replies) << server.answer(all);
    for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ((*replies)[i], server.answer({all[i]})) << bits;
  }
}

TEST(EmbeddingBatch, CopiesWhatItDoesntKnow) {
  const std::string reply =
      R"( {"id":"e-1", "x":[1,{"usage":2}], "data" : [ {"embedding":[1.50,2E0], "index" : 1.0, "y":null},)"
      "\n"
      R"( {"index":0,"embedding":"//8="} ] , "usage":{"prompt_tokens":5,"total_tokens":5,"cost":8e-7,)"
      R"("note":"a","usd":"0.4","nested":{"parts":[2,null]}},"end":1}  )";
  const auto replies = split_embedding_reply(reply, std::vector<std::uint64_t>{3, 2});
  ASSERT_TRUE(replies);
  EXPECT_EQ((*replies)[1],
            R"( {"id":"e-1", "x":[1,{"usage":2}], "data" : [ {"embedding":[1.50,2E0], "index" : 0, "y":null} ] , )"
            R"("usage":{"prompt_tokens":2,"total_tokens":2,"cost":0.00000032,"note":"a","usd":"0.16",)"
            R"("nested":{"parts":[1,null]}},"end":1}  )");
  EXPECT_EQ((*replies)[0],
            R"( {"id":"e-1", "x":[1,{"usage":2}], "data" : [ {"index":0,"embedding":"//8="} ] , )"
            R"("usage":{"prompt_tokens":3,"total_tokens":3,"cost":0.00000048,"note":"a","usd":"0.24",)"
            R"("nested":{"parts":[1,null]}},"end":1}  )");
}

TEST(EmbeddingBatch, UsageMayBeAbsentOrSaidInAnotherWay) {
  const std::vector<std::uint64_t> weights{1, 3};
  const std::string data = R"("data":[{"index":0,"embedding":[]},{"index":1,"embedding":[]}])";
  const std::string one = R"("data":[{"index":0,"embedding":[]}])";
  EXPECT_EQ((*split_embedding_reply("{" + data + "}", weights))[1], "{" + one + "}");
  EXPECT_EQ((*split_embedding_reply("{" + data + R"(,"usage":null})", weights))[1], "{" + one + R"(,"usage":null})");
  EXPECT_EQ((*split_embedding_reply("{" + data + R"(,"usage":{"total_tokens":12}})", weights))[1],
            "{" + one + R"(,"usage":{"total_tokens":9}})");
  EXPECT_EQ((*split_embedding_reply("{" + data + R"(,"usage":{"total_tokens":0}})", weights))[1],
            "{" + one + R"(,"usage":{"total_tokens":0}})");
  EXPECT_EQ((*split_embedding_reply("{" + data + R"(,"usage":{"a":8}})", weights))[1], "{" + one + R"(,"usage":{"a":6}})");
  // The sum of its parts, though both are shared.
  EXPECT_EQ((*split_embedding_reply(
                "{" + data + R"(,"usage":{"completion_tokens":3,"prompt_tokens":7,"total_tokens":10}})", weights))[0],
            "{" + one + R"(,"usage":{"completion_tokens":1,"prompt_tokens":2,"total_tokens":3}})");
}

TEST(EmbeddingBatch, SplitsNothingElse) {
  const std::vector<std::uint64_t> weights{1, 1};
  const std::string good = R"({"data":[{"index":0,"embedding":[]},{"index":1,"embedding":[]}]})";
  ASSERT_TRUE(split_embedding_reply(good, weights));
  EXPECT_FALSE(split_embedding_reply(good, {}));
  EXPECT_FALSE(split_embedding_reply(good, std::vector<std::uint64_t>{1}));
  EXPECT_FALSE(split_embedding_reply(good, std::vector<std::uint64_t>{1, 1, 1}));
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(split_embedding_reply(good.substr(0, size), weights));
  }
  for (const char* reply :
       {"", "{}", "[]", R"({"data":[]})", R"({"data":null})", R"({"data":{}})",
        R"({"error":{"message":"x"}})",
        R"({"data":[{"index":0,"embedding":[]},{"index":1,"embedding":[]}],"error":"x"})",
        R"({"data":[{"index":0,"embedding":[]},{"index":0,"embedding":[]}]})",
        R"({"data":[{"index":0,"embedding":[]},{"index":2,"embedding":[]}]})",
        R"({"data":[{"index":0,"embedding":[]},{"index":-1,"embedding":[]}]})",
        R"({"data":[{"index":0,"embedding":[]},{"index":"1","embedding":[]}]})",
        R"({"data":[{"index":0,"embedding":[]},{"embedding":[]}]})",
        R"({"data":[{"index":0,"embedding":[]},{"index":1}]})",
        R"({"data":[{"index":0,"embedding":[]},{"index":1,"embedding":null}]})",
        R"({"data":[{"index":0,"embedding":[]},{"index":1,"index":1,"embedding":[]}]})",
        R"({"data":[{"index":0,"embedding":[]},{"index":1,"embedding":[],"embedding":[]}]})",
        R"({"data":[{"index":0,"embedding":[]},[1]]})",
        R"({"data":[{"index":0,"embedding":[]}],"data":[{"index":1,"embedding":[]}]})",
        R"({"data":[{"index":0,"embedding":[]},{"index":1,"embedding":[]}]}{})",
        R"({"data":[{"index":0,"embedding":[01]},{"index":1,"embedding":[]}]})",
        R"({"data":[{"index":0,"embedding":[]},{"index":1,"embedding":[]}],"usage":1})",
        R"({"data":[{"index":0,"embedding":[]},{"index":1,"embedding":[]}],"usage":{"a":-1}})",
        R"({"data":[{"index":0,"embedding":[]},{"index":1,"embedding":[]}],"usage":{},"usage":{}})",
        R"({"data":[{"index":0,"embedding":[]},{"index":1,"embedding":[]}],"meta":{"billed_units":{}}})"}) {
    EXPECT_FALSE(split_embedding_reply(reply, weights)) << reply;
  }
  std::string big = good;
  big.insert(1, R"("x":")" + std::string(17'000, 'x') + R"(",)");
  EXPECT_FALSE(split_embedding_reply(big, weights));
}

// Sums of every number of usage, by its JSON pointer.
void add_numbers(const Json& usage, const std::string& path, std::map<std::string, std::uint64_t>& sums) {
  for (const auto& [key, value] : usage.items()) {
    if (value.is_object()) add_numbers(value, path + "/" + key, sums);
    if (value.is_number_unsigned()) sums[path + "/" + key] += value.get<std::uint64_t>();
  }
}

TEST(EmbeddingBatch, SplitOfJoinGivesEveryCallItsOwn) {
  std::mt19937 random(11);
  for (int round = 0; round < 100; ++round) {
    const std::size_t count = 1 + random() % (round % 20 == 0 ? 300 : 9);
    std::vector<std::string> bodies;
    std::vector<Embedded> all;
    std::vector<std::uint64_t> weights;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string text = "text " + std::to_string(i) + std::string(random() % 30, 'x');
      bodies.push_back(R"({"model":"m","input":)" + std::string(random() % 2 ? "[\"" + text + "\"]" : "\"" + text + "\"") + "}");
      all.push_back({"[" + std::to_string(i) + ".5]", random() % 50});
      weights.push_back(random() % 4 == 0 ? random() % 3 : text.size());
    }
    std::vector<EmbeddingCall> calls;
    for (const std::string& body : bodies) calls.push_back(*read_embedding_call(body));
    const Json joined = Json::parse(join_embedding_calls(calls));
    ASSERT_EQ(joined["input"].size(), count);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(joined["input"][i].get<std::string>().substr(0, 6), ("text " + std::to_string(i)).substr(0, 6));
    }
    const Server server{static_cast<Style>(random() % 3), random() % 2 == 0, random() % 2 == 0, random() % 2 == 0, true};
    const std::string reply = server.answer(all);
    const auto replies = split_embedding_reply(reply, weights);
    ASSERT_TRUE(replies);
    std::map<std::string, std::uint64_t> whole, sums;
    add_numbers(Json::parse(reply)["usage"], "", whole);
    for (std::size_t i = 0; i < count; ++i) {
      const Json one = Json::parse((*replies)[i]);
      ASSERT_EQ(one["data"].size(), 1u);
      EXPECT_EQ(one["data"][0]["index"], 0);
      EXPECT_EQ(one["data"][0]["embedding"].dump(), all[i].vector);
      const Json& usage = one["usage"];
      EXPECT_EQ(usage["prompt_tokens"], usage["total_tokens"]);
      if (whole["/prompt_tokens"] >= count) { EXPECT_GE(usage["prompt_tokens"], 1); }
      add_numbers(usage, "", sums);
    }
    EXPECT_EQ(whole, sums);
  }
}

}  // namespace
}  // namespace farebox
