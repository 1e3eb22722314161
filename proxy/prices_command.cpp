#include "proxy/prices_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <set>

#include "config/base/json_writer.hpp"
#include "config/price_place.hpp"
#include "config/price_signature.hpp"
#include "config/small_file.hpp"
#include "config/suggest.hpp"
#include "proxy/output.hpp"

namespace farebox {
namespace {

constexpr int kExitBadData = kExitDamaged;  // both are EX_DATAERR
constexpr std::size_t kMostFileOctets = 64 << 20;
constexpr std::size_t kMostSignatureOctets = 4096;
constexpr std::size_t kMostNear = 5;

void add(std::vector<ShownPrice>& shown, std::string provider, const PriceMatch& match) {
  const bool known = std::any_of(shown.begin(), shown.end(), [&](const ShownPrice& each) {
    return each.match.card == match.card;
  });
  if (match.card != nullptr && !known) shown.push_back({std::move(provider), match});
}

// The dialect of a provider that isn't configured, so that its name decides.
DialectName dialect_of(std::string_view provider) {
  for (const DialectName each : {DialectName::anthropic, DialectName::gemini, DialectName::azure,
                                 DialectName::mistral, DialectName::cohere, DialectName::bedrock,
                                 DialectName::ollama}) {
    if (provider == name_of(each)) return each;
  }
  return DialectName::openai;
}

int show(const Settings& settings, const PricesOptions& options) {
  const Result<PriceTable> table = load_prices(settings.prices);
  if (!table) return complain({kExitConfig, table.error().context});
  const std::vector<ShownPrice> shown =
      find_prices(*table, settings, options, SystemClock().wall_now());
  if (shown.empty()) {
    const std::vector<std::string> near = near_models(*table, options.model);
    const std::vector<std::string_view> views(near.begin(), near.end());
    const std::string at = options.provider.empty() ? "" : " at " + options.provider;
    return complain({kExitBadData,
                     fmt::format("no price is known for '{}'{}; {}", options.model, at,
                                 near.empty() ? "prices.overrides in the configuration can say one"
                                              : "did you mean one of " + listed(views) + "?")});
  }
  if (options.json || !on_terminal()) {
    return say(price_json(shown, options.model, table->version()));
  }
  std::string out;
  for (const ShownPrice& each : shown) out += price_text(each, options.model) + "\n";
  return say(out + fmt::format("prices {}\n", table->version()));
}

Result<void> check_signed(const std::string& file, std::string_view text, std::string_view key) {
  const Result<std::string> signature = read_small_file(file + ".sig", kMostSignatureOctets);
  if (!signature) {
    return Error(ErrorCode::invalid_config,
                 "its signature in " + file + ".sig: " + signature.error().context);
  }
  return check_price_signature(text, *signature, key);
}

std::string check_json(const std::string& file, const PriceCheck& check) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("ok").boolean(check.ok()).key("file").string(file);
  json.key("form").string(check.litellm ? "litellm" : "farebox");
  json.key("cards").number(std::uint64_t{check.cards}).key("findings").begin_array();
  for (const PriceFinding& finding : check.findings) {
    json.begin_object().key("line");
    if (finding.line > 0) json.number(std::int64_t{finding.line});
    else json.null();
    json.key("text").string(finding.text).key("warning").boolean(finding.warning).end_object();
  }
  json.end_array().end_object();
  return out + "\n";
}

int check(const Settings& settings, const PricesOptions& options) {
  const Result<std::string> text = read_small_file(options.file, kMostFileOctets);
  if (!text) return complain({kExitBadData, options.file + ": " + text.error().context});
  PriceCheck result = check_price_file(*text);
  const std::string& key =
      options.public_key.empty() ? settings.prices.public_key : options.public_key;
  if (!key.empty()) {
    const Result<void> checked = check_signed(options.file, *text, key);
    if (!checked) result.findings.insert(result.findings.begin(), {0, checked.error().context, false});
  }
  for (const PriceFinding& finding : result.findings) {
    const std::string where =
        finding.line > 0 ? fmt::format("{}:{}", options.file, finding.line) : options.file;
    std::fputs(fmt::format("{}: {}{}\n", paint(Colour::bold, where, STDERR_FILENO),
                           finding.warning ? "warning: " : "", finding.text)
                   .c_str(),
               stderr);
  }
  int printed = 0;
  if (options.json || !on_terminal()) {
    printed = say(check_json(options.file, result));
  } else if (result.ok()) {
    printed = say(fmt::format("{}: {} price cards{}{}\n", paint(Colour::green, "ok", STDOUT_FILENO),
                              result.cards, result.litellm ? " in LiteLLM's form" : "",
                              key.empty() ? "" : ", and the signature is right"));
  }
  return result.ok() ? printed : kExitBadData;
}

}  // namespace

std::vector<ShownPrice> find_prices(const PriceTable& table, const Settings& settings,
                                    const PricesOptions& options, WallTime now) {
  std::vector<ShownPrice> shown;
  bool configured = false;
  for (const ProviderSettings& provider : settings.providers) {
    if (!options.provider.empty() && provider.name != options.provider) continue;
    configured = true;
    add(shown, provider.name,
        table.match({provider.name, provider.dialect, options.model, price_place(provider, ""), now}));
  }
  if (!options.provider.empty() && !configured) {
    add(shown, options.provider,
        table.match({options.provider, dialect_of(options.provider), options.model, "", now}));
  }
  if (!shown.empty() || !options.provider.empty()) return shown;
  // Nobody who is configured sells it: everybody who does, under that very name.
  std::set<std::string> sellers;
  table.each([&](const PriceCard& card) { sellers.insert(card.provider); });
  for (const std::string& seller : sellers) {
    const PriceMatch match =
        table.match({seller, dialect_of(seller), options.model, "", now});
    if (match.card != nullptr && match.card->provider == seller) add(shown, seller, match);
  }
  return shown;
}

std::vector<std::string> near_models(const PriceTable& table, const std::string& model) {
  std::set<std::string> names;
  table.each([&](const PriceCard& card) {
    if (card.variant.empty() && card.region.empty()) names.insert(card.model);
  });
  const std::vector<std::string_view> views(names.begin(), names.end());
  std::vector<std::string> near;
  if (const std::string_view closest = closest_word(model, views); !closest.empty()) {
    near.emplace_back(closest);
  }
  for (const std::string& name : names) {
    if (near.size() == kMostNear || model.size() < 3) break;
    const bool begins = name.starts_with(model) || name.find("/" + model) != name.npos;
    if (begins && std::find(near.begin(), near.end(), name) == near.end()) near.push_back(name);
  }
  return near;
}

int run_prices(const Settings& settings, const PricesOptions& options) {
  return options.act == PricesOptions::Act::show ? show(settings, options)
                                                 : check(settings, options);
}

}  // namespace farebox
