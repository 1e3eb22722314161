#include "policy/tokens/ratio_table.hpp"

#include <algorithm>
#include <charconv>

#include "config/tokenizer.hpp"

namespace farebox {
namespace {

constexpr std::string_view kFirstLine = "farebox-token-ratios 1\n";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// In lower case, without what names a snapshot: -20250929, @20250929, -latest.
std::string plain_name(std::string_view model) {
  constexpr std::string_view kLatest = "-latest";
  constexpr std::size_t kDate = 8;
  std::string name(model);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (name.ends_with(kLatest)) name.resize(name.size() - kLatest.size());
  if (name.size() > kDate + 1) {
    const std::size_t date = name.size() - kDate;
    const bool dated = name[date - 1] == '-' || name[date - 1] == '@';
    if (dated && std::all_of(name.begin() + static_cast<std::ptrdiff_t>(date), name.end(), is_digit)) {
      name.resize(date - 1);
    }
  }
  return name;
}

// Fit to stand in a line of text.
bool can_be_kept(std::string_view name) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  return !name.empty() && name.size() <= RatioTable::kLongestName &&
         std::none_of(name.begin(), name.end(), control);
}

// Null: nothing is to be learnt of it.
const TokenizerOf* family_of(std::string_view model) {
  const TokenizerOf* const tokenizer = tokenizer_of(model);
  return tokenizer != nullptr && !tokenizer->exact ? tokenizer : nullptr;
}

void append_state(std::string& out, const TokenRatio::State& state) {
  out += '\t' + std::to_string(state.counted) + ' ' + std::to_string(state.reported) + ' ' +
         std::to_string(state.error) + ' ' + std::to_string(state.lessons);
}

// The part of `text` before `end`, which it loses; nothing where there is no `end`.
std::optional<std::string_view> take(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  if (at == text.npos) return std::nullopt;
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(at + 1);
  return part;
}

template <class Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

std::optional<TokenRatio::State> read_state(std::string_view text) {
  TokenRatio::State state;
  const auto counted = take(text, ' '), reported = take(text, ' '), error = take(text, ' ');
  const bool good = counted && reported && error && read_number(*counted, state.counted) &&
                    read_number(*reported, state.reported) && read_number(*error, state.error) &&
                    read_number(text, state.lessons);
  return good ? std::optional(state) : std::nullopt;
}

Error damaged() {
  return Error(ErrorCode::ledger_damaged, "these are no token ratios of this farebox");
}

}  // namespace

bool RatioTable::learn(const Lesson& lesson) {
  const TokenizerOf* const family = family_of(lesson.model);
  if (family == nullptr || !can_be_kept(lesson.provider) || !can_be_kept(lesson.model)) return false;
  const TokenRatio fresh(*family);
  Key key(lesson.provider, plain_name(lesson.model));
  const auto known = models_.find(key);
  if (known != models_.end()) return known->second.of(lesson.side).learn(lesson.counted, lesson.reported);
  ModelRatios ratios{fresh, fresh};
  if (!ratios.of(lesson.side).learn(lesson.counted, lesson.reported)) return false;
  make_room();
  models_.emplace(std::move(key), ratios);
  return true;
}

void RatioTable::make_room() {
  if (models_.size() < kMostModels) return;
  models_.erase(std::min_element(models_.begin(), models_.end(), [](const auto& a, const auto& b) {
    return a.second.lessons() < b.second.lessons();
  }));
}

std::optional<TokenRatio> RatioTable::find(std::string_view provider, std::string_view model,
                                           Side side) const {
  const TokenizerOf* const family = family_of(model);
  if (family == nullptr) return std::nullopt;
  const std::string name = plain_name(model);
  if (!provider.empty()) {
    const auto known = models_.find(Key(provider, name));
    return known != models_.end() ? known->second.of(side) : TokenRatio(*family);
  }
  TokenRatio best(*family);
  for (const auto& [key, ratios] : models_) {
    const TokenRatio& ratio = ratios.of(side);
    if (key.second == name && ratio.lessons() > best.lessons()) best = ratio;
  }
  return best;
}

std::string RatioTable::encode() const {
  std::string out(kFirstLine);
  for (const auto& [key, ratios] : models_) {
    out += key.first + '\t' + key.second;
    append_state(out, ratios.input.state());
    append_state(out, ratios.output.state());
    out += '\n';
  }
  return out;
}

Result<RatioTable> RatioTable::decode(std::string_view octets) {
  if (!octets.starts_with(kFirstLine)) return damaged();
  octets.remove_prefix(kFirstLine.size());
  RatioTable table;
  while (!octets.empty()) {
    auto line = take(octets, '\n');
    if (!line || table.size() == kMostModels) return damaged();
    const auto provider = take(*line, '\t'), model = take(*line, '\t'), input = take(*line, '\t');
    if (!input || !can_be_kept(*provider) || !can_be_kept(*model)) return damaged();
    const auto of_input = read_state(*input), of_output = read_state(*line);
    if (!of_input || !of_output) return damaged();
    // A model that another version knew of is left out.
    const TokenizerOf* const family = family_of(*model);
    if (family == nullptr) continue;
    table.models_.emplace(Key(*provider, *model), ModelRatios{TokenRatio(*family, *of_input),
                                                              TokenRatio(*family, *of_output)});
  }
  return table;
}

}  // namespace farebox
