#include "proxy/welcome.hpp"

#include <fmt/format.h>

#include "config/address.hpp"

namespace farebox {
namespace {

constexpr std::string_view kDefaultAdmin = "127.0.0.1:4142";

// Where a program of this machine finds what listens there.
std::string reachable(const std::string& shown) {
  const auto address = parse_address(shown);
  if (!address || !is_wildcard(*address)) return shown;
  const bool six = address->host.find(':') != std::string::npos;
  return fmt::format("{}:{}", six ? "[::1]" : "127.0.0.1", address->port);
}

const ProviderSettings* default_of(const Settings& settings, DialectName dialect) {
  const ProviderSettings* first = nullptr;
  for (const ProviderSettings& provider : settings.providers) {
    if (provider.dialect != dialect) continue;
    if (provider.name == name_of(dialect)) return &provider;
    if (first == nullptr) first = &provider;
  }
  return first;
}

struct Ask {
  std::string path;
  std::string headers;  // of curl, with a blank behind each
  std::string body, streamed_body;
};

// A call that answers whatever the operator has: OpenAI's first, Anthropic's next. At a
// server whose models we can't know, the list of them.
Ask ask_for(const Settings& settings, Mode mode) {
  constexpr std::string_view kJson = "-H 'content-type: application/json' ";
  constexpr std::string_view kHello = R"("messages":[{"role":"user","content":"Say hello"}])";
  const bool demo = mode == Mode::demo;
  if (const auto* openai = default_of(settings, DialectName::openai)) {
    const bool passes_key = openai->api_keys.empty() && !demo;
    const std::string key = passes_key ? R"(-H "authorization: Bearer $OPENAI_API_KEY" )" : "";
    if (!demo && openai->base_url.find("://api.openai.com") == std::string::npos) {
      return {"/v1/models", key, "", ""};
    }
    const std::string model = R"({"model":"gpt-4o-mini",)";
    return {"/v1/chat/completions", key + std::string(kJson), fmt::format("{}{}}}", model, kHello),
            fmt::format("{}\"stream\":true,{}}}", model, kHello)};
  }
  if (const auto* anthropic = default_of(settings, DialectName::anthropic)) {
    const bool passes_key = anthropic->api_keys.empty() && !demo;
    const std::string key = passes_key ? R"(-H "x-api-key: $ANTHROPIC_API_KEY" )" : "";
    const std::string model = R"({"model":"claude-sonnet-4-5","max_tokens":100,)";
    return {"/v1/messages", key + "-H 'anthropic-version: 2023-06-01' " + std::string(kJson),
            fmt::format("{}{}}}", model, kHello),
            fmt::format("{}\"stream\":true,{}}}", model, kHello)};
  }
  return {};
}

std::string variables(const Settings& settings, const std::string& base) {
  std::string out;
  if (default_of(settings, DialectName::openai) != nullptr) out += " OPENAI_BASE_URL=" + base + "/v1";
  if (default_of(settings, DialectName::anthropic) != nullptr) out += " ANTHROPIC_BASE_URL=" + base;
  if (default_of(settings, DialectName::gemini) != nullptr) out += " GOOGLE_GEMINI_BASE_URL=" + base;
  return out;
}

}  // namespace

std::string welcome_text(const Welcome& welcome, const Settings& settings) {
  const std::string scheme = settings.tls.cert_file.empty() ? "http" : "https";
  // A Unix socket has no URL; curl takes its path beside one.
  const bool unix_socket = welcome.addresses.data.starts_with("unix:");
  const std::string base =
      scheme + "://" + (unix_socket ? "localhost" : reachable(welcome.addresses.data));
  const std::string through =
      unix_socket ? " --unix-socket '" + welcome.addresses.data.substr(5) + "'" : "";
  const std::string admin = reachable(welcome.addresses.admin);
  const Ask ask = ask_for(settings, welcome.mode);
  std::string out = welcome.mode == Mode::demo
                        ? "farebox demo: a pretend provider answers; no key, no network, no real cost.\n\n"
                        : "farebox serves.\n\n";
  const auto curl = [&](std::string_view options, const std::string& body) {
    out += fmt::format("  curl {}{} {}{} {}", options, through, base, ask.path, ask.headers);
    if (body.empty()) out.pop_back();
    out += body.empty() ? "\n" : fmt::format("-d '{}'\n", body);
  };
  if (!ask.path.empty()) curl("-s", ask.body);
  if (!ask.streamed_body.empty()) curl("-sN", ask.streamed_body);
  if (const std::string said = variables(settings, base); !said.empty() && !unix_socket) {
    out += "  export" + said + "\n";
  }
  out += fmt::format("  admin port http://{}; tokens and cost so far: {} usage{}\n\n", admin,
                     welcome.program, admin == kDefaultAdmin ? "" : " --admin-listen " + admin);
  if (welcome.mode == Mode::demo) {
    out += fmt::format("Its records are in {}. Ctrl-C ends it.\n", settings.data_dir);
  }
  return out;
}

}  // namespace farebox
