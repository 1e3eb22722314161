// What metering costs on the side: one streamed event, one request body, one filtered chunk.
#include <benchmark/benchmark.h>

#include <string>

#include "proxy/dialect/body_facts.hpp"
#include "proxy/dialect/readers.hpp"
#include "proxy/dialect/usage_filter.hpp"

namespace farebox {
namespace {

std::string openai_event() {
  return "data: {\"id\":\"chatcmpl-B1234567890abcdefghij\",\"object\":\"chat.completion.chunk\","
         "\"created\":1761861820,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":"
         "{\"content\":\" token\"},\"finish_reason\":null}]}\n\n";
}

std::string openai_long_event() {
  return "data: {\"id\":\"chatcmpl-B1234567890abcdefghij\",\"object\":\"chat.completion.chunk\","
         "\"created\":1761861820,\"model\":\"gpt-4o-mini-2024-07-18\",\"service_tier\":\"default\","
         "\"system_fingerprint\":\"fp_0123456789\",\"choices\":[{\"index\":0,\"delta\":"
         "{\"content\":\" token\"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null,"
         "\"obfuscation\":\"Ab3dEf\"}\n\n";
}

std::string anthropic_event() {
  return "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
         "\"delta\":{\"type\":\"text_delta\",\"text\":\" token\"}          }\n\n";
}

std::string gemini_event() {
  return "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\" token\"}],\"role\":"
         "\"model\"},\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":17,"
         "\"candidatesTokenCount\":25,\"totalTokenCount\":42,\"promptTokensDetails\":"
         "[{\"modality\":\"TEXT\",\"tokenCount\":17}]},\"modelVersion\":\"gemini-2.5-flash\","
         "\"responseId\":\"nFP6aZ_4HP\"}\r\n\r\n";
}

// Time per event, pieces as the network gives them.
void read_events(benchmark::State& state, Endpoint endpoint, const std::string& event,
                 std::size_t events_per_piece) {
  std::string piece;
  for (std::size_t i = 0; i < events_per_piece; ++i) piece += event;
  const auto reader = reader_for(endpoint);
  for (auto _ : state) reader->feed(piece);
  const auto events = static_cast<std::int64_t>(events_per_piece) * state.iterations();
  state.SetItemsProcessed(events);
  state.SetBytesProcessed(events * static_cast<std::int64_t>(event.size()));
  state.counters["octets"] = static_cast<double>(event.size());
}

BENCHMARK_CAPTURE(read_events, openai_1, Endpoint::chat_completions, openai_event(), 1);
BENCHMARK_CAPTURE(read_events, openai_100, Endpoint::chat_completions, openai_event(), 100);
BENCHMARK_CAPTURE(read_events, openai_long_1, Endpoint::chat_completions, openai_long_event(), 1);
BENCHMARK_CAPTURE(read_events, anthropic_1, Endpoint::messages, anthropic_event(), 1);
BENCHMARK_CAPTURE(read_events, gemini_1, Endpoint::generate_content, gemini_event(), 1);

// An event that a piece boundary cuts in the middle.
void read_cut_event(benchmark::State& state) {
  const std::string event = openai_event();
  const auto reader = reader_for(Endpoint::chat_completions);
  const std::string_view first = std::string_view(event).substr(0, event.size() / 2);
  const std::string_view second = std::string_view(event).substr(event.size() / 2);
  for (auto _ : state) {
    reader->feed(first);
    reader->feed(second);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(read_cut_event);

void filter_event(benchmark::State& state) {
  const std::string event = openai_event();
  UsageFilter filter;
  std::string out;
  for (auto _ : state) {
    out.clear();
    filter.feed(event, out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(filter_event);

// A chat of many messages, `octets` long, with `content` octets of text in each.
std::string chat_body(std::size_t octets, std::size_t content) {
  std::string body = R"({"model":"gpt-4o","stream":true,"messages":[)";
  while (body.size() < octets) {
    std::string text;
    while (text.size() < content) text += "Words and more words, \\\"quoted\\\" now and then.\\n";
    body += R"({"role":"user","content":")" + text + "\"},";
  }
  body.back() = ']';
  return body + "}";
}

void read_body(benchmark::State& state, const std::string& body) {
  Route route;
  route.endpoint = Endpoint::chat_completions;
  for (auto _ : state) benchmark::DoNotOptimize(read_body_facts(route, "application/json", body));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(body.size()));
}
BENCHMARK_CAPTURE(read_body, chat_1k, chat_body(1 << 10, 200));
BENCHMARK_CAPTURE(read_body, chat_1m, chat_body(1 << 20, 2000));
BENCHMARK_CAPTURE(read_body, chat_1m_short, chat_body(1 << 20, 40));
BENCHMARK_CAPTURE(read_body, image_16m,
                  R"({"model":"m","messages":[{"content":")" + std::string(16 << 20, 'A') +
                      "\"}]}");

void read_whole_reply(benchmark::State& state) {
  const std::string reply =
      R"({"id":"c","model":"gpt-4o","choices":[{"index":0,"message":{"content":")" +
      std::string(3000, 'x') + R"("},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,)"
      R"("completion_tokens":700,"total_tokens":800}})";
  for (auto _ : state) {
    const auto reader = reader_for(Endpoint::chat_completions);
    reader->feed(reply);
    benchmark::DoNotOptimize(reader->finish());
  }
}
BENCHMARK(read_whole_reply);

}  // namespace
}  // namespace farebox

BENCHMARK_MAIN();
