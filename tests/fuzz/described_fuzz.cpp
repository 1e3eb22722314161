// A described dialect on any octets: the first says how the numbers of a stream make one and
// how it is framed, the second into how long pieces the rest is cut. The rest is a request
// and a reply alike. Cutting must change nothing, and what is reported must fit together.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proxy/dialect/described.hpp"

namespace {

using namespace farebox;
using Says = DescribedDialect::Says;

DescribedDialect description(std::uint8_t choice) {
  DescribedDialect said;
  said.name = "any";
  said.paths = {{"/x", "POST", "chat", DescribedDialect::Streams::asked}};
  said.request = {{Says::model, {"m", "n"}}, {Says::stream, {"s"}},
                  {Says::max_output_tokens, {"x", "0"}}};
  said.reply = {{Says::model, {"m"}},          {Says::finish_reason, {"f", "0"}},
                {Says::input_tokens, {"u", "i"}}, {Says::output_tokens, {"u", "o"}},
                {Says::total_tokens, {"u", "t"}}, {Says::cached_input_tokens, {"u", "c"}},
                {Says::reasoning_tokens, {"u", "r"}}, {Says::images, {"p"}},
                {Says::seconds, {"d"}},        {Says::cost_usd, {"$"}},
                {Says::error, {"u"}},          {Says::error_code, {"u", "e"}},
                {Says::stream_end, {"end"}}};
  said.end_equals = "true";
  said.across = static_cast<DescribedDialect::Across>(choice % 3);
  said.framing = static_cast<DescribedDialect::Framing>(choice / 3 % 3);
  said.cached_in_input = choice / 9 % 2 == 0;
  said.reasoning_in_output = choice / 18 % 2 == 0;
  return said;
}

Reading run(const Dialect& dialect, std::string_view reply, std::size_t step) {
  const auto reader = dialect.reader(dialect.recognise("POST", "/x"), BodyFacts());
  while (!reply.empty()) {
    const std::string piece(reply.substr(0, step));
    reply.remove_prefix(piece.size());
    reader->feed(piece);
  }
  return reader->finish();
}

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto dialect = described_dialect(description(data[0]));
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto facts = dialect->read_body(dialect->recognise("POST", "/x"), "", text);
  require(!facts || facts->input_bytes == text.size());
  const Reading whole = run(*dialect, text, text.size());
  const Reading cut = run(*dialect, text, 1 + data[1] % 64);
  const Usage& a = whole.usage;
  const Usage& b = cut.usage;
  require(a.source == b.source && a.input == b.input && a.output == b.output);
  require(a.cached_input == b.cached_input && a.images == b.images);
  require(a.microseconds == b.microseconds && a.reported_cost == b.reported_cost);
  require(whole.model == cut.model && whole.finish_reason == cut.finish_reason);
  require(whole.finished == cut.finished && whole.error == cut.error);
  require(a.cached_input <= a.input && a.reasoning <= a.output);
  require(a.source == UsageSource::reported || (a.input == 0 && a.output == 0));
  return 0;
}
