#include "proxy/check_command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "config/base/json_writer.hpp"
#include "config/price_table.hpp"
#include "proxy/output.hpp"
#include "proxy/text_table.hpp"

namespace farebox {
namespace {

std::string keys_for_people(const ProviderSettings& provider) {
  if (provider.api_keys.empty()) return "the caller's";
  return provider.api_keys.size() == 1 ? "1" : std::to_string(provider.api_keys.size());
}

void write_problems(JsonWriter& json, std::string_view name,
                    const std::vector<ConfigProblem>& problems) {
  json.key(name).begin_array();
  for (const ConfigProblem& problem : problems) {
    json.begin_object().key("file").string(problem.file).key("line");
    if (problem.line > 0) {
      json.number(std::int64_t{problem.line});
    } else {
      json.null();
    }
    json.key("text").string(problem.text).end_object();
  }
  json.end_array();
}

}  // namespace

void print_problems(const LoadResult& result) {
  const auto print = [](const std::vector<ConfigProblem>& problems) {
    for (const ConfigProblem& problem : problems) {
      const std::string line = to_line(problem);
      const std::size_t where = line.find(": ");
      const std::string shown = paint(Colour::bold, line.substr(0, where), STDERR_FILENO);
      std::fputs((shown + line.substr(where) + "\n").c_str(), stderr);
    }
  };
  print(result.warnings);
  print(result.errors);
}

std::string check_text(const Settings& settings) {
  std::string out = fmt::format("{} provider(s), listening on {}, admin port {}, data in {}\n\n",
                                settings.providers.size(), settings.listen, settings.admin.listen,
                                settings.data_dir);
  TextTable table;
  for (const char* const title : {"provider", "dialect", "base_url", "keys"}) {
    table.add_column(title, TextTable::Align::left);
  }
  for (const ProviderSettings& provider : settings.providers) {
    table.add_row({provider.name, std::string(name_of(provider.dialect)), provider.base_url,
                   keys_for_people(provider)});
  }
  return out + table.text();
}

std::string check_json(const LoadResult& result) {
  std::string out;
  JsonWriter json(out);
  const Settings& settings = result.settings;
  json.begin_object().key("ok").boolean(result.ok());
  write_problems(json, "errors", result.errors);
  write_problems(json, "warnings", result.warnings);
  if (result.ok()) {
    json.key("listen").string(settings.listen);
    json.key("adminListen").string(settings.admin.listen);
    json.key("dataDir").string(settings.data_dir);
    json.key("providers").begin_array();
    for (const ProviderSettings& provider : settings.providers) {
      json.begin_object().key("name").string(provider.name);
      json.key("dialect").string(name_of(provider.dialect));
      json.key("baseUrl").string(provider.base_url);
      json.key("apiKeys").number(std::uint64_t{provider.api_keys.size()}).end_object();
    }
    json.end_array();
  }
  json.end_object();
  return out + "\n";
}

int run_check(const LoadResult& said, const CheckOptions& options) {
  LoadResult result = said;
  if (result.ok()) {
    if (const auto prices = load_prices(result.settings.prices); !prices) {
      result.errors.push_back({result.whole.file, 0, prices.error().context, false});
    }
  }
  print_problems(result);
  int printed = 0;
  if (options.json || !on_terminal()) {
    printed = say(check_json(result));
  } else if (result.ok()) {
    printed = say(paint(Colour::green, "ok", STDOUT_FILENO) + ": " + check_text(result.settings));
  }
  return result.ok() ? printed : kExitConfig;
}

}  // namespace farebox
