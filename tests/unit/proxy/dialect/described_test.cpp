// Dialects that an operator described: paths, requests and replies.
#include "proxy/dialect/described.hpp"

#include <gtest/gtest.h>

#include "tests/unit/proxy/dialect/cuts.hpp"

namespace farebox {
namespace {

using Says = DescribedDialect::Says;

JsonPointer at(std::string_view text) { return *parse_json_pointer(text); }

// A server whose numbers stand where nobody else has them.
DescribedDialect acme() {
  DescribedDialect acme;
  acme.name = "acme";
  acme.paths = {{"/v9/talk", "POST", "chat", DescribedDialect::Streams::asked},
                {"/v9/models/{model}/stream", "POST", "chat", DescribedDialect::Streams::always},
                {"/v9/vectors", "POST", "embeddings", DescribedDialect::Streams::never},
                {"/v9/models", "GET", "passthrough", DescribedDialect::Streams::never}};
  acme.request = {{Says::model, at("/engine/name")},
                  {Says::stream, at("/live")},
                  {Says::max_output_tokens, at("/limits/0/tokens")}};
  acme.reply = {{Says::model, at("/engine")},
                {Says::finish_reason, at("/why")},
                {Says::input_tokens, at("/bill/read")},
                {Says::output_tokens, at("/bill/written")},
                {Says::total_tokens, at("/bill/all")},
                {Says::cached_input_tokens, at("/bill/remembered")},
                {Says::reasoning_tokens, at("/bill/thought")},
                {Says::error, at("/trouble")},
                {Says::error_code, at("/trouble/kind")}};
  return acme;
}

Reading read(const DescribedDialect& description, std::string_view reply,
             std::string_view path = "/v9/talk", std::size_t step = 0) {
  const auto dialect = described_dialect(description);
  const auto reader = dialect->reader(dialect->recognise("POST", path), BodyFacts());
  const auto cuts = step == 0 ? testing::Cuts() : testing::every(reply.size(), step);
  for (const std::string& piece : testing::pieces(reply, cuts)) reader->feed(piece);
  return reader->finish();
}

bool is_reported(const Reading& reading) { return reading.usage.source == UsageSource::reported; }

TEST(Described, PathsAreRecognisedAndOthersAreTheBases) {
  const auto dialect = described_dialect(acme());
  const auto recognised = [&](std::string_view method, std::string_view path) {
    const Route route = dialect->recognise(method, path);
    return std::string(name_of(route.endpoint)) + (route.described ? " described" : "") +
           (route.stream ? " stream " : " ") + route.model;
  };
  EXPECT_EQ(recognised("POST", "/v9/talk?x=1"), "chat described ");
  EXPECT_EQ(recognised("POST", "/v9//talk/"), "chat described ");
  EXPECT_EQ(recognised("POST", "/v9/models/a%2Fb/stream"), "chat described stream a/b");
  EXPECT_EQ(recognised("GET", "/v9/models"), "passthrough described ");
  EXPECT_EQ(recognised("POST", "/v9/vectors"), "embeddings described ");
  EXPECT_EQ(recognised("GET", "/v9/talk"), "unknown ");
  EXPECT_EQ(recognised("POST", "/v9/talk/more"), "unknown ");
  EXPECT_EQ(recognised("POST", "/v1/chat/completions"), "chat.completions ");
}

TEST(Described, EveryEndpointWordNamesAnEndpoint) {
  for (const std::string_view word : kDescribedEndpoints) {
    DescribedDialect description = acme();
    description.paths = {{"/x", "POST", std::string(word), DescribedDialect::Streams::asked}};
    const Route route = described_dialect(description)->recognise("POST", "/x");
    EXPECT_EQ(name_of(route.endpoint), word);
    const bool free = word == "count_tokens" || word == "moderations" || word == "passthrough";
    EXPECT_EQ(is_free(route.endpoint), free) << word;
  }
}

TEST(Described, RequestsAreReadByPointer) {
  const auto dialect = described_dialect(acme());
  const Route route = dialect->recognise("POST", "/v9/talk");
  const auto facts = dialect->read_body(
      route, "application/json",
      R"( {"live":true,"engine":{"name":"t\u0061lk-1"},"limits":[{"tokens":"90"},{"tokens":1}]})");
  ASSERT_TRUE(facts.has_value());
  EXPECT_TRUE(facts->readable);
  EXPECT_TRUE(facts->stream);
  EXPECT_EQ(facts->model, "talk-1");
  EXPECT_EQ(facts->max_output_tokens, 90u);
  // What a path says stands.
  const auto streaming = dialect->recognise("POST", "/v9/models/m/stream");
  EXPECT_EQ(dialect->read_body(streaming, "", R"({"engine":{"name":"x"}})")->model, "m");
  EXPECT_TRUE(dialect->read_body(streaming, "", R"({"live":false})")->stream);
  const auto whole = dialect->recognise("POST", "/v9/vectors");
  EXPECT_FALSE(dialect->read_body(whole, "", R"({"live":true})")->stream);

  for (const std::string_view odd : {"", "[]", "x", R"({"live":true)", R"({"live":true} y)"}) {
    const auto nothing = dialect->read_body(route, "", odd);
    ASSERT_TRUE(nothing.has_value());
    EXPECT_FALSE(nothing->readable);
    EXPECT_EQ(nothing->input_bytes, odd.size());
  }
  for (const std::string_view twice :
       {R"({"live":true,"live":false})", R"({"engine":{"name":"a"},"engine":{}})",
        R"({"engine":{"name":"a","name":"b"}})"}) {
    EXPECT_FALSE(dialect->read_body(route, "", twice)) << twice;
  }
  EXPECT_TRUE(dialect->read_body(route, "", R"({"other":1,"other":2})"));
}

TEST(Described, WhatARequestRefersToIsSeenByItsNamesAndPlaces) {
  const auto dialect = described_dialect(acme());
  const Route route = dialect->recognise("POST", "/v9/talk");
  const auto facts = [&](std::string_view body) { return *dialect->read_body(route, "", body); };
  EXPECT_TRUE(facts(R"({"say":"see https://x","turns":[{"who":"me","said":"hi"}]})").input_is_whole());
  EXPECT_FALSE(facts(R"({"turns":[{"picture":"https://x/y.png"}]})").input_is_whole());
  EXPECT_FALSE(facts(R"({"turns":[{"file_id":"f"}]})").input_is_whole());
  EXPECT_TRUE(facts(R"({"tools":[{"type":"oracle"}]})").reach.unknown_tools);
  EXPECT_EQ(facts(R"({"user":"u"})").said.user, "u");
}

TEST(Described, WholeRepliesAreExactOrUnsaid) {
  struct Row {
    std::string_view bill;
    bool reported;
    Tokens input = 0, output = 0, cached = 0, reasoning = 0;
  };
  const Row rows[] = {
      {R"({"read":10,"written":5,"remembered":4,"thought":2})", true, 10, 5, 4, 2},
      {R"({"read":10,"all":15})", true, 10, 5},
      {R"({"written":5,"all":15})", true, 10, 5},
      {R"({"read":10.0,"written":1e1})", true, 10, 10},
      {R"({"read":0,"written":0})", true, 0, 0},
      {R"({"read":10})", false},
      {R"({"read":10,"written":null})", false},
      {R"({"read":-10,"written":5})", false},
      {R"({"read":-10,"written":5,"all":15})", false},
      {R"({"read":1.5,"written":5})", false},
      {R"({"read":"10","written":5})", false},
      {R"({"read":9007199254740993,"written":5})", false},
      {R"({"read":10,"written":5,"remembered":-1})", true, 10, 5},
      {R"({"read":7,"read":8,"written":5})", true, 8, 5},
      {R"([10,5])", false},
      {"null", false},
  };
  for (const Row& row : rows) {
    const std::string reply = R"({"engine":"talk-1","why":"done","bill":)" +
                              std::string(row.bill) + R"(,"answer":["x",{"bill":9}]})";
    for (const std::size_t step : {0u, 1u, 5u}) {
      const Reading reading = read(acme(), reply, "/v9/talk", step);
      EXPECT_EQ(is_reported(reading), row.reported) << row.bill;
      EXPECT_EQ(reading.usage.input, row.input) << row.bill;
      EXPECT_EQ(reading.usage.output, row.output) << row.bill;
      EXPECT_EQ(reading.usage.cached_input, row.cached) << row.bill;
      EXPECT_EQ(reading.usage.reasoning, row.reasoning) << row.bill;
      EXPECT_EQ(reading.model, "talk-1");
      EXPECT_EQ(reading.finish_reason, "done");
      EXPECT_TRUE(reading.finished);
      EXPECT_FALSE(reading.error);
    }
  }
}

TEST(Described, PartsMayStandOutsideTheirWhole) {
  DescribedDialect description = acme();
  description.cached_in_input = description.reasoning_in_output = false;
  const Reading reading =
      read(description, R"({"bill":{"read":10,"written":5,"remembered":4,"thought":2}})");
  EXPECT_EQ(reading.usage.input, 14u);
  EXPECT_EQ(reading.usage.output, 7u);
  EXPECT_EQ(reading.usage.cached_input, 4u);
  EXPECT_EQ(reading.usage.reasoning, 2u);
  // Then they are as needed as the whole.
  EXPECT_FALSE(is_reported(read(description, R"({"bill":{"read":10,"written":5,"thought":-2}})")));
}

TEST(Described, EmbeddingsHaveNoOutput) {
  EXPECT_TRUE(is_reported(read(acme(), R"({"bill":{"read":10}})", "/v9/vectors")));
  EXPECT_EQ(read(acme(), R"({"bill":{"all":10}})", "/v9/vectors").usage.input, 10u);
  EXPECT_FALSE(is_reported(read(acme(), R"({"bill":{"read":-1,"all":10}})", "/v9/vectors")));
}

TEST(Described, StreamsAreReadInEveryFraming) {
  const std::string_view one = R"({"bill":{"read":10,"written":2}})";
  const std::string_view two = R"({"bill":{"read":3,"written":5},"why":"done","over":true})";
  std::string sse, ndjson;
  for (const std::string_view message : {one, two}) {
    sse += "event: x\ndata: " + std::string(message) + "\n\n";
    ndjson += std::string(message) + "\n";
  }
  struct Row {
    DescribedDialect::Across across;
    Tokens input, output;
  };
  for (const Row& row : {Row{DescribedDialect::Across::last, 3, 5},
                         Row{DescribedDialect::Across::sum, 13, 7},
                         Row{DescribedDialect::Across::max, 10, 5}}) {
    DescribedDialect description = acme();
    description.across = row.across;
    for (const std::string& stream : {sse, ndjson}) {
      for (const std::size_t step : {0u, 1u, 3u}) {
        const Reading reading = read(description, stream, "/v9/talk", step);
        EXPECT_TRUE(is_reported(reading));
        EXPECT_EQ(reading.usage.input, row.input);
        EXPECT_EQ(reading.usage.output, row.output);
        EXPECT_TRUE(reading.stream);
        EXPECT_TRUE(reading.finished);
        EXPECT_EQ(reading.finish_reason, "done");
      }
    }
  }
  // A first octet that tells nothing means what the operator says.
  DescribedDialect forced = acme();
  EXPECT_FALSE(is_reported(read(forced, "x: y\n" + sse)));
  forced.framing = DescribedDialect::Framing::sse;
  EXPECT_TRUE(is_reported(read(forced, "x: y\n" + sse)));
}

TEST(Described, TheEndOfAStreamIsWhatTheOperatorSays) {
  const std::string_view usage = "data: {\"bill\":{\"read\":1,\"written\":2},\"why\":\"done\"}\n\n";
  DescribedDialect by_data = acme();
  by_data.end_data = "[THE END]";
  EXPECT_FALSE(read(by_data, usage).finished);
  EXPECT_TRUE(read(by_data, std::string(usage) + "data: [THE END]\n\n").finished);
  DescribedDialect by_done = acme();
  by_done.end_data = "[DONE]";
  EXPECT_FALSE(read(by_done, usage).finished);
  EXPECT_TRUE(read(by_done, std::string(usage) + "data: [DONE]\n\n").finished);
  DescribedDialect by_pointer = acme();
  by_pointer.reply.push_back({Says::stream_end, at("/over")});
  by_pointer.end_equals = "true";
  EXPECT_FALSE(read(by_pointer, usage).finished);
  EXPECT_FALSE(read(by_pointer, std::string(usage) + "data: {\"over\":false}\n\n").finished);
  EXPECT_TRUE(read(by_pointer, std::string(usage) + "data: {\"over\":true}\n\n").finished);
  EXPECT_TRUE(read(by_pointer, std::string(usage) + "data: {\"over\":true}\n\n").usage.input == 1);
}

TEST(Described, ErrorsAreTold) {
  const Reading reading = read(acme(), R"({"trouble":{"kind":"no_money"}})");
  EXPECT_TRUE(reading.error);
  EXPECT_EQ(reading.error_code, "no_money");
  EXPECT_EQ(read(acme(), R"({"trouble":"oh"})").error_code, "error");
  for (const std::string_view fine :
       {R"({"trouble":null})", R"({"trouble":false})", R"({"trouble":""})", R"({"trouble":{}})",
        R"({"trouble":[]})", R"({})"}) {
    EXPECT_FALSE(read(acme(), fine).error) << fine;
  }
}

TEST(Described, OtherUnitsThanTokensAreRead) {
  DescribedDialect description = acme();
  description.reply = {{Says::images, at("/pictures")}, {Says::seconds, at("/length")},
                       {Says::cost_usd, at("/price")},  {Says::pages, at("/pages")},
                       {Says::input_tokens, at("/in")}, {Says::output_tokens, at("/out")}};
  Reading reading = read(description, R"({"pictures":["a","b"],"length":1.25,"price":0.0125})");
  EXPECT_TRUE(is_reported(reading));
  EXPECT_EQ(reading.usage.images, 2u);
  EXPECT_EQ(reading.usage.microseconds, 1'250'000u);
  EXPECT_EQ(reading.usage.reported_cost, *Money::parse("0.0125"));
  EXPECT_EQ(read(description, R"({"pictures":3,"pages":-1})").usage.images, 3u);
  EXPECT_FALSE(is_reported(read(description, R"({"pictures":-3})")));
  // Tokens that were said and are no counts aren't made up for by pictures.
  EXPECT_FALSE(is_reported(read(description, R"({"pictures":3,"in":-1,"out":2})")));
  EXPECT_FALSE(read(description, R"({"pictures":1,"price":-4})").usage.reported_cost);
}

TEST(Described, SumsNeverOverflow) {
  DescribedDialect description = acme();
  description.across = DescribedDialect::Across::sum;
  std::string stream;
  for (int i = 0; i < 5000; ++i) stream += R"({"bill":{"read":9007199254740992,"written":1}})";
  EXPECT_FALSE(is_reported(read(description, stream)));
}

TEST(Described, EscapedPointersAndIndicesLeadWhereTheySay) {
  DescribedDialect description = acme();
  description.reply = {{Says::input_tokens, at("/a~1b/1/~0c")}, {Says::output_tokens, at("/out")},
                       {Says::model, at("/")}};
  const Reading reading =
      read(description, R"({"a/b":[{"~c":1},{"\u007ec":2}],"out":3,"":"nameless"})");
  EXPECT_EQ(reading.usage.input, 2u);
  EXPECT_EQ(reading.usage.output, 3u);
  EXPECT_EQ(reading.model, "nameless");
}

TEST(Described, CredentialsAreTheOperatorsOrTheBases) {
  DescribedDialect description = acme();
  EXPECT_EQ(described_dialect(description)->credential().header, "authorization");
  description.credential_header = "x-acme-key";
  description.credential_scheme = "Token ";
  const auto dialect = described_dialect(description);
  EXPECT_EQ(dialect->credential().header, "x-acme-key");
  EXPECT_EQ(dialect->credential().scheme, "Token ");
}

}  // namespace
}  // namespace farebox
