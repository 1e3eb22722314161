// dialects: one map per API that farebox doesn't know by itself.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "config/load_sections.hpp"
#include "config/suggest.hpp"

namespace farebox {

namespace {

using Says = DescribedDialect::Says;

template <class E, std::size_t N>
using Choices = std::array<Choice<E>, N>;

constexpr Choices<DescribedDialect::Streams, 3> kStreams{
    {{"asked", DescribedDialect::Streams::asked},
     {"always", DescribedDialect::Streams::always},
     {"never", DescribedDialect::Streams::never}}};
constexpr Choices<DescribedDialect::Framing, 3> kFramings{
    {{"auto", DescribedDialect::Framing::automatic},
     {"sse", DescribedDialect::Framing::sse},
     {"ndjson", DescribedDialect::Framing::ndjson}}};
constexpr Choices<DescribedDialect::Across, 3> kAcross{{{"last", DescribedDialect::Across::last},
                                                        {"sum", DescribedDialect::Across::sum},
                                                        {"max", DescribedDialect::Across::max}}};

constexpr Choices<Says, 3> kRequest{{{"model", Says::model},
                                     {"stream", Says::stream},
                                     {"max_output_tokens", Says::max_output_tokens}}};
constexpr Choices<Says, 23> kReply{{{"model", Says::model},
                                    {"finish_reason", Says::finish_reason},
                                    {"input_tokens", Says::input_tokens},
                                    {"output_tokens", Says::output_tokens},
                                    {"total_tokens", Says::total_tokens},
                                    {"cached_input_tokens", Says::cached_input_tokens},
                                    {"cache_write_tokens", Says::cache_write_tokens},
                                    {"cache_write_1h_tokens", Says::cache_write_1h_tokens},
                                    {"reasoning_tokens", Says::reasoning_tokens},
                                    {"audio_input_tokens", Says::audio_input_tokens},
                                    {"audio_output_tokens", Says::audio_output_tokens},
                                    {"image_input_tokens", Says::image_input_tokens},
                                    {"image_output_tokens", Says::image_output_tokens},
                                    {"images", Says::images},
                                    {"characters", Says::characters},
                                    {"queries", Says::queries},
                                    {"pages", Says::pages},
                                    {"seconds", Says::seconds},
                                    {"cost_usd", Says::cost_usd},
                                    {"service_tier", Says::service_tier},
                                    {"text", Says::text},
                                    {"error", Says::error},
                                    {"error_code", Says::error_code}}};

constexpr std::array<std::string_view, 5> kMethods = {"POST", "GET", "PUT", "PATCH", "DELETE"};

Error refuse(std::string why) { return Error(ErrorCode::invalid_config, std::move(why)); }

Result<void> one_of(std::string_view text, std::span<const std::string_view> words) {
  if (std::find(words.begin(), words.end(), text) != words.end()) return {};
  const std::string_view closest = closest_word(text, words);
  return refuse(fmt::format("it must be one of {}; {}", listed(words),
                            closest.empty() ? "write one of them"
                                            : fmt::format("did you mean '{}'?", closest)));
}

Result<void> dialect_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  };
  if (name.empty() || name.size() > 64 || !std::all_of(name.begin(), name.end(), allowed)) {
    return refuse("is not a dialect name, records and metrics show it; use 1 to 64 letters, "
                  "digits, - and _");
  }
  for (const auto& [word, dialect] : kDialects) {
    if (word == name) {
      return refuse("is a dialect that farebox knows already; choose another name, and write "
                    "base: to take over what it does");
    }
  }
  return {};
}

Result<void> endpoint_word(std::string_view text) { return one_of(text, kDescribedEndpoints); }
Result<void> method_word(std::string_view text) { return one_of(text, kMethods); }

Result<void> pointer_text(std::string_view text) {
  const Result<JsonPointer> pointer = parse_json_pointer(text);
  if (!pointer) return pointer.error();
  return {};
}

Result<void> path_text(std::string_view text) {
  if (!text.starts_with('/') || text.size() < 2) {
    return refuse("it is no path behind base_url; begin it with a slash, as in /v9/talk");
  }
  if (text.find_first_of("?#% ") != text.npos) {
    return refuse("it holds a query, an escape or a blank, and paths are compared without them; "
                  "write the plain path");
  }
  std::size_t models = 0;
  while (!text.empty()) {
    text.remove_prefix(1);
    const std::string_view part = text.substr(0, text.find('/'));
    text.remove_prefix(part.size());
    if (part == "{model}") {
      ++models;
    } else if (part.find_first_of("{}*") != part.npos) {
      return refuse("only a whole part of it can be open, and only the model's; write {model} "
                    "between two slashes, or the part itself");
    }
  }
  if (models > 1) return refuse("it names the model twice; write {model} once");
  return {};
}

// RFC 9110, 5.6.2: a field name is a token.
Result<void> header_text(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  const auto allowed = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != kMarks.npos;
  };
  if (text.empty() || text.size() > 64 || !std::all_of(text.begin(), text.end(), allowed)) {
    return refuse("it is no name of a header field; write it as x-api-key");
  }
  constexpr std::string_view kTaken[] = {"host", "connection", "content-length", "te", "via",
                                         "transfer-encoding", "upgrade", "expect", "trailer",
                                         "accept-encoding"};
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (std::find(std::begin(kTaken), std::end(kTaken), lower) != std::end(kTaken) ||
      lower.starts_with("x-farebox-")) {
    return refuse("it is a header field that means something else; name the one that carries "
                  "the key");
  }
  return {};
}

// False: one of them was refused.
template <std::size_t N>
bool read_members(MapReader& keys, const Choices<Says, N>& known,
                  std::vector<DescribedDialect::Member>& members) {
  bool all = true;
  for (const auto& [word, what] : known) {
    std::string text;
    keys.read(word, text, pointer_text);
    if (!text.empty()) members.push_back({what, *parse_json_pointer(text)});
    all = all && !keys.is_broken(word);
  }
  return all;
}

void read_paths(MapReader& keys, DescribedDialect& dialect) {
  std::set<std::string> seen;
  keys.require("paths", "paths: [{path: /v9/talk, endpoint: chat}]");
  keys.list("paths", [&](const ValueReader& item) {
    DescribedDialect::Path& path = dialect.paths.emplace_back();
    item.map([&](MapReader& inner) {
      inner.require("path", "path: /v9/talk");
      inner.read("path", path.path, path_text);
      inner.read("method", path.method, method_word);
      inner.read("endpoint", path.endpoint, endpoint_word);
      inner.read("stream", path.streams, kStreams);
      if (!path.path.empty() && !seen.insert(path.method + path.path).second) {
        inner.refuse("path", "is listed above with the same method, and the first one would "
                             "always win; remove one of them");
      }
    });
  });
  if (keys.has("paths") && dialect.paths.empty() && !keys.is_broken("paths")) {
    keys.refuse("paths", "is empty, so no request would be of this dialect; list its paths");
  }
}

void read_credential(MapReader& keys, DescribedDialect& dialect) {
  keys.read("header", dialect.credential_header, header_text);
  for (char& c : dialect.credential_header) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  keys.require("header", "header: x-api-key");
  keys.read("scheme", dialect.credential_scheme, secret_text);
  if (!dialect.credential_scheme.empty() && !dialect.credential_scheme.ends_with(' ')) {
    dialect.credential_scheme += ' ';
  }
}

bool says_something(const DescribedDialect& dialect) {
  return std::any_of(dialect.reply.begin(), dialect.reply.end(), [](const auto& member) {
    return DescribedDialect::is_count(member.what) || member.what == Says::seconds;
  });
}

// "[DONE]", or {pointer: /done, equals: true}.
void read_end(MapReader& keys, DescribedDialect& dialect) {
  const auto value = keys.find("end");
  if (!value) return;
  if (value->node().kind != YamlNode::Kind::map) return value->into(dialect.end_data, some_text);
  value->map([&](MapReader& inner) {
    std::string pointer;
    inner.require("pointer", "pointer: /done");
    inner.read("pointer", pointer, pointer_text);
    inner.require("equals", "equals: true");
    inner.read("equals", dialect.end_equals, some_text);
    if (!pointer.empty()) {
      dialect.reply.push_back({Says::stream_end, *parse_json_pointer(pointer)});
    }
  });
}

void read_dialect(MapReader& keys, DescribedDialect& dialect) {
  keys.read("base", dialect.base, kDialects);
  read_paths(keys, dialect);
  keys.map("credential", [&](MapReader& inner) { read_credential(inner, dialect); });
  keys.map("request", [&](MapReader& inner) { read_members(inner, kRequest, dialect.request); });
  keys.require("reply", "reply: {input_tokens: /usage/in, output_tokens: /usage/out}");
  bool reply_read = false;
  keys.map("reply", [&](MapReader& inner) {
    reply_read = read_members(inner, kReply, dialect.reply);
  });
  if (reply_read && !says_something(dialect)) {
    keys.refuse("reply", "names nothing that can be billed; give input_tokens and output_tokens, "
                         "or images, seconds, characters, queries or pages");
  }
  const auto names = [&](Says what) {
    return std::any_of(dialect.reply.begin(), dialect.reply.end(),
                       [what](const auto& member) { return member.what == what; });
  };
  if (names(Says::error_code) && !names(Says::error)) {
    keys.refuse("reply", "names error_code but not error, so no reply would be one; add error, "
                         "where something stands when a reply is an error");
  }
  keys.map("includes", [&](MapReader& inner) {
    inner.read("cached_in_input", dialect.cached_in_input);
    inner.read("cache_write_in_input", dialect.cache_write_in_input);
    inner.read("reasoning_in_output", dialect.reasoning_in_output);
  });
  keys.map("stream", [&](MapReader& inner) {
    inner.read("framing", dialect.framing, kFramings);
    read_end(inner, dialect);
    inner.read("usage", dialect.across, kAcross);
  });
}

}  // namespace

void read_dialects(MapReader& root, Settings& settings) {
  root.map("dialects", [&](MapReader& dialects) {
    dialects.each([&](const std::string& name, const ValueReader& value) {
      const Result<void> named = dialect_name(name);
      if (!named) value.refuse_unseen(named.error().context);
      DescribedDialect dialect;
      dialect.name = name;
      value.map([&](MapReader& keys) { read_dialect(keys, dialect); });
      if (named) settings.dialects.push_back(std::move(dialect));
    });
  });
}

Result<void> check_known_dialect(std::string_view name, const Settings& settings) {
  std::vector<std::string_view> words;
  for (const auto& [known, dialect] : kDialects) words.push_back(known);
  for (const DescribedDialect& described : settings.dialects) words.push_back(described.name);
  return one_of(name, words);
}

void read_dialect_of(MapReader& keys, const Settings& settings, ProviderSettings& provider) {
  std::string word;
  keys.read("dialect", word,
            [&](std::string_view text) { return check_known_dialect(text, settings); });
  // By default the dialect of the provider's own name.
  if (word.empty()) word = provider.name;
  for (const auto& [known, dialect] : kDialects) {
    if (known == word) provider.dialect = dialect;
  }
  for (const DescribedDialect& described : settings.dialects) {
    if (described.name != word) continue;
    provider.dialect = described.base;
    provider.described = described;
  }
}

}  // namespace farebox
