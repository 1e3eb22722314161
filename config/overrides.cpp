// What stands above the file: the environment, then the command line.
#include <fmt/format.h>

#include <algorithm>

#include "config/address.hpp"
#include "config/load_sections.hpp"
#include "config/suggest.hpp"

namespace farebox {

namespace {

// How a source calls a setting: --listen or FAREBOX_LISTEN.
struct Source {
  std::string_view name;  // "command line"
  std::string_view listen, admin_listen, data_dir, log_level, log_format;
};

constexpr Source kEnvironment{"environment",      "FAREBOX_LISTEN",    "FAREBOX_ADMIN_LISTEN",
                              "FAREBOX_DATA_DIR", "FAREBOX_LOG_LEVEL", "FAREBOX_LOG_FORMAT"};

// One setting, as one source says it.
struct Said {
  const std::string& text;
  std::string_view as;   // what the source calls it
  std::string_view key;  // what the file calls it
};

void accept(const Source& source, const Said& said, LoadResult& result) {
  result.places[std::string(said.key)] = {std::string(source.name), 0, false};
}

void refuse(const Source& source, const Said& said, std::string_view why, LoadResult& result) {
  result.places[std::string(said.key)] = {std::string(source.name), 0, true};
  result.errors.push_back({std::string(source.name), 0,
                           fmt::format("{} is {}, {}", said.as, in_quotes(said.text), why), false});
}

void set_address(const Source& source, const Said& said, std::string& target, LoadResult& result) {
  const Result<Address> address = parse_address(said.text);
  if (!address) return refuse(source, said, address.error().context, result);
  accept(source, said, result);
  target = said.text;
}

void set_text(const Source& source, const Said& said, std::string& target, LoadResult& result) {
  const Result<void> checked = some_text(said.text);
  if (!checked) return refuse(source, said, checked.error().context, result);
  accept(source, said, result);
  target = said.text;
}

template <class E, std::size_t N>
void set_choice(const Source& source, const Said& said, const std::array<Choice<E>, N>& choices,
                E& target, LoadResult& result) {
  std::array<std::string_view, N> words;
  for (std::size_t i = 0; i < N; ++i) words[i] = choices[i].word;
  const auto word = std::find(words.begin(), words.end(), said.text);
  if (word == words.end()) {
    return refuse(source, said, fmt::format("which it can't be; write one of {}", listed(words)),
                  result);
  }
  accept(source, said, result);
  target = choices[static_cast<std::size_t>(word - words.begin())].value;
}

void apply_from(const Source& source, const Overrides& overrides, LoadResult& result) {
  Settings& settings = result.settings;
  if (overrides.listen) {
    set_address(source, {*overrides.listen, source.listen, "listen"}, settings.listen, result);
  }
  if (overrides.admin_listen) {
    set_address(source, {*overrides.admin_listen, source.admin_listen, "admin.listen"},
                settings.admin.listen, result);
  }
  if (overrides.data_dir) {
    set_text(source, {*overrides.data_dir, source.data_dir, "data_dir"}, settings.data_dir, result);
  }
  if (overrides.log_level) {
    set_choice(source, {*overrides.log_level, source.log_level, "log.level"}, kLogLevels,
               settings.log.level, result);
  }
  if (overrides.log_format) {
    set_choice(source, {*overrides.log_format, source.log_format, "log.format"}, kLogFormats,
               settings.log.format, result);
  }
}

}  // namespace

void apply(const Overrides& overrides, std::string_view source_name, LoadResult& result) {
  const Source source{source_name,  "--listen",    "--admin-listen",
                      "--data-dir", "--log-level", "--log-format"};
  apply_from(source, overrides, result);
}

void apply_environment(const Environment& environment, LoadResult& result) {
  const auto value = [&](std::string_view name) -> std::optional<std::string> {
    std::optional<std::string> text = environment ? environment(name) : std::nullopt;
    if (text && text->empty()) return std::nullopt;
    return text;
  };
  Overrides overrides;
  overrides.listen = value(kEnvironment.listen);
  overrides.admin_listen = value(kEnvironment.admin_listen);
  overrides.data_dir = value(kEnvironment.data_dir);
  overrides.log_level = value(kEnvironment.log_level);
  apply_from(kEnvironment, overrides, result);
  read_proxy_environment(environment, result);

  auto token = value("FAREBOX_ADMIN_TOKEN");
  if (!token) return;
  result.secret_variables.emplace("FAREBOX_ADMIN_TOKEN");
  const Result<void> checked = secret_text(*token);
  Place& place = result.places["admin.token"];
  place = {std::string(kEnvironment.name), 0, !checked};
  if (!checked) {
    result.errors.push_back(
        {place.file, 0,
         fmt::format("FAREBOX_ADMIN_TOKEN can't be used, {}", checked.error().context), false});
    return;
  }
  result.settings.admin.token = Secret(std::move(*token));
}

}  // namespace farebox
