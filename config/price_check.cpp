#include "config/price_check.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "config/price_packer.hpp"
#include "config/price_reader.hpp"

namespace farebox {

namespace {

int line_at(std::string_view text, std::size_t offset) {
  return 1 + static_cast<int>(std::count(text.begin(),
                                         text.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
}

// "name: why" without the name.
std::string why_of(const Error& error) {
  constexpr std::string_view kName = "file: ";
  return error.context.starts_with(kName) ? error.context.substr(kName.size()) : error.context;
}

// A value inside the text, from its first octet to behind its last.
struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// The objects that stand `depth` brackets deep in text that is JSON.
std::vector<Span> objects_at(std::string_view text, int depth) {
  std::vector<Span> found;
  int level = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      else if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (c == '{' && level == depth) found.push_back({i, text.size()});
      ++level;
    } else if (c == '}' || c == ']') {
      --level;
      if (c == '}' && level == depth && !found.empty()) found.back().end = i + 1;
    }
  }
  return found;
}

// Each card alone, in the file around it.
void check_cards(std::string_view text, PriceCheck& check) {
  const std::vector<Span> cards = objects_at(text, 2);
  if (cards.empty()) return;
  const std::string head(text.substr(0, cards.front().begin));
  const std::string tail(text.substr(cards.back().end));
  for (const Span& card : cards) {
    const std::string alone = head + std::string(text.substr(card.begin, card.end - card.begin)) + tail;
    const Result<PriceFile> file = read_price_file(alone, alone.size(), "file");
    if (file) check.cards += file->cards.size();
    else check.findings.push_back({line_at(text, card.begin), why_of(file.error()), false});
  }
}

}  // namespace

bool PriceCheck::ok() const {
  return std::all_of(findings.begin(), findings.end(),
                     [](const PriceFinding& finding) { return finding.warning; });
}

PriceCheck check_price_file(std::string_view text) {
  PriceCheck check;
  const Result<PriceFile> file = read_price_file(text, text.size(), "file");
  if (file) {
    check.litellm = file->litellm;
    check.cards = file->cards.size();
    for (const std::string& warning : file->warnings) check.findings.push_back({0, warning, true});
    const Result<std::string> packed = pack_prices(file->cards, "", SharedNames::refused);
    if (!packed) check.findings.push_back({0, packed.error().context, false});
    return check;
  }
  try {
    [[maybe_unused]] const auto parsed = nlohmann::json::parse(text);
    check_cards(text, check);
  } catch (const nlohmann::json::parse_error& error) {
    const std::size_t at = std::min(text.size(), error.byte == 0 ? 0 : error.byte - 1);
    check.findings.push_back({line_at(text, at), "it is not JSON from here on", false});
  } catch (const nlohmann::json::out_of_range&) {
    check_cards(text, check);  // JSON with a number that no double holds
  }
  // What is wrong between cards, or around them.
  if (check.findings.empty()) check.findings.push_back({0, why_of(file.error()), false});
  return check;
}

}  // namespace farebox
