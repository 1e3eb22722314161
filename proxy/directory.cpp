#include "proxy/directory.hpp"

#include <algorithm>


namespace farebox {
namespace {

// First segments of OpenAI's API, for base URLs pasted without /v1.
constexpr std::string_view kOpenAiSegments[] = {
    "chat",    "completions", "responses",     "embeddings", "images",      "audio",
    "models",  "moderations", "files",         "batches",    "fine_tuning", "uploads",
    "threads", "assistants",  "vector_stores", "engines",    "realtime",    "conversations",
    "videos",  "containers",  "evals",         "skills",     "edits",
};

// Gemini's verbs, which stand behind a colon at the end of the path.
constexpr std::string_view kGeminiVerbs[] = {
    ":generateContent", ":streamGenerateContent", ":countTokens",        ":embedContent",
    ":batchEmbedContents", ":batchGenerateContent", ":predict", ":predictLongRunning",
};

// Paths that only one dialect has, for a provider of it that is configured.
struct OwnPath {
  std::string_view path;
  DialectName dialect;
};
constexpr OwnPath kOwnPaths[] = {
    {"/api/chat", DialectName::ollama},     {"/api/generate", DialectName::ollama},
    {"/api/embed", DialectName::ollama},    {"/api/embeddings", DialectName::ollama},
    {"/api/tags", DialectName::ollama},     {"/api/show", DialectName::ollama},
    {"/api/ps", DialectName::ollama},       {"/api/version", DialectName::ollama},
    {"/v2/chat", DialectName::cohere},      {"/v2/embed", DialectName::cohere},
    {"/v2/rerank", DialectName::cohere},    {"/v1/fim/completions", DialectName::mistral},
    {"/v1/agents/completions", DialectName::mistral}, {"/v1/ocr", DialectName::mistral},
};

std::string_view without_query(std::string_view target) {
  return target.substr(0, target.find('?'));
}

bool ends_with_gemini_verb(std::string_view path) {
  if (path.find(':') == path.npos) return false;
  return std::any_of(std::begin(kGeminiVerbs), std::end(kGeminiVerbs),
                     [&](std::string_view verb) { return path.ends_with(verb); });
}

// "/v1/messages" begins with the segment "/v1"; "/v1beta" does not.
bool begins_with_segment(std::string_view path, std::string_view segment) {
  return path.starts_with(segment) && (path.size() == segment.size() ||
                                       path[segment.size()] == '/' || path[segment.size()] == '?');
}

bool drop_segment(std::string_view& path, std::string_view segment) {
  if (!begins_with_segment(path, segment)) return false;
  path.remove_prefix(segment.size());
  return true;
}

// "/v1", "/v1beta", "/v4": what an API's paths begin with.
bool is_version(std::string_view segment) {
  return segment.size() > 2 && segment.starts_with("/v") && segment[2] >= '0' && segment[2] <= '9';
}

// The last segment, where it is a version; else empty.
std::string_view version_at_end(std::string_view base_path) {
  const std::size_t slash = base_path.rfind('/');
  if (slash == std::string_view::npos || !is_version(base_path.substr(slash))) return {};
  return base_path.substr(slash);
}

std::string_view first_version(std::string_view path) {
  const std::string_view first = path.substr(0, path.find_first_of("/?", 1));
  return is_version(first) ? first : std::string_view();
}

// Slashes in front of the first two segments are tolerated: //v1//chat/completions.
void collapse_slashes(std::string_view& path) {
  while (path.starts_with("//")) path.remove_prefix(1);
}

std::string_view first_segment(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  std::size_t end = 0;
  while (end < path.size() && path[end] != '/' && path[end] != '?') ++end;
  return path.substr(0, end);
}

Provider* first_of(const Providers& providers, DialectName dialect) {
  Provider* first = nullptr;
  for (const auto& provider : providers) {
    // One whose dialect was described shares no more than errors with its base.
    if (provider->settings.dialect != dialect || provider->settings.described) continue;
    if (provider->settings.name == name_of(dialect)) return provider.get();
    if (first == nullptr) first = provider.get();
  }
  return first;
}

// The version segment a dialect's paths begin with, and the rest.
Destination at_default(Provider* provider, DialectName dialect, std::string_view version,
                       std::string_view rest) {
  Destination found;
  found.provider = provider;
  found.dialect = dialect;
  found.path.reserve(version.size() + rest.size());
  found.path.append(version).append(rest);
  if (provider == nullptr) return found;
  const std::string& base = provider->base_path;
  found.target.reserve(base.size() + found.path.size());
  // A base URL that ends with the version already has it.
  found.target.append(base).append(base.ends_with(version) ? rest : found.path);
  return found;
}

}  // namespace

std::string target_at(const Provider& to, const Provider& from, std::string_view target) {
  constexpr std::string_view kAzure = "/openai";
  if (!target.starts_with(from.base_path)) return "";
  std::string_view path = target.substr(from.base_path.size());
  const std::string_view from_version = version_at_end(from.base_path);
  std::string whole(from_version);  // the path from the version on
  if (begins_with_segment(path, kAzure) && from.settings.dialect == DialectName::azure) {
    path.remove_prefix(kAzure.size());
  }
  whole += path;
  std::string_view rest = whole;
  const std::string_view version = first_version(rest);
  if (to.settings.dialect != from.settings.dialect && version.empty()) return "";
  const std::string_view to_version = version_at_end(to.base_path);
  if (!to_version.empty()) rest.remove_prefix(version.size());
  std::string made = to.base_path;
  const bool azure = to.settings.dialect == DialectName::azure && to_version.empty() &&
                     !to.base_path.ends_with(kAzure);
  if (azure) made += kAzure;
  return made.append(rest);
}

Directory::Directory(const Providers& providers)
    : providers_(providers),
      openai_(first_of(providers, DialectName::openai)),
      anthropic_(first_of(providers, DialectName::anthropic)),
      gemini_(first_of(providers, DialectName::gemini)),
      azure_(first_of(providers, DialectName::azure)),
      bedrock_(first_of(providers, DialectName::bedrock)) {}

Provider* Directory::named(std::string_view name) const {
  for (const auto& provider : providers_) {
    if (provider->settings.name == name) return provider.get();
  }
  return nullptr;
}

Destination Directory::find(std::string_view target, DialectHints hints) const {
  // Azure's own form looks like a provider named "openai": where an azure provider
  // exists, deployments are Azure's.
  if (azure_ != nullptr && target.starts_with("/openai/deployments/")) {
    return at_default(azure_, DialectName::azure, "", target);
  }

  // /{provider}/rest: the rest is appended as it is.
  const std::string_view segment = first_segment(target);
  if (Provider* const provider = named(segment)) {
    std::string_view rest = target.substr(segment.size() + 1);
    Destination found;
    found.provider = provider;
    found.named = true;
    found.dialect = provider->settings.dialect;
    found.path = rest.starts_with('/') ? std::string(rest) : "/" + std::string(rest);
    found.target = provider->base_path + found.path;
    return found;
  }
  if (target.starts_with("/openai/deployments/")) {
    return at_default(azure_, DialectName::azure, "", target);
  }

  if (target.starts_with("/model/")) return at_default(bedrock_, DialectName::bedrock, "", target);

  if (target.starts_with("/upload/v1beta/")) {
    return at_default(gemini_, DialectName::gemini, "", target);
  }

  const std::string_view whole = without_query(target);
  for (const OwnPath& own : kOwnPaths) {
    if (whole != own.path) continue;
    if (Provider* const provider = first_of(providers_, own.dialect)) {
      const std::string_view version = own.path.substr(0, own.path.find('/', 1));
      return at_default(provider, own.dialect, version, target.substr(version.size()));
    }
  }

  std::string_view rest = target;
  collapse_slashes(rest);
  bool versioned = false;
  while (drop_segment(rest, "/v1")) {
    versioned = true;
    collapse_slashes(rest);
  }

  // Gemini: /v1beta/..., and its verbs wherever they stand.
  bool beta = false;
  while (drop_segment(rest, "/v1beta")) {
    beta = true;
    collapse_slashes(rest);
  }
  if (beta || ends_with_gemini_verb(without_query(rest))) {
    return at_default(gemini_, DialectName::gemini, beta || !versioned ? "/v1beta" : "/v1", rest);
  }

  const std::string_view name = first_segment(rest);
  if (name == "messages" || name == "complete" ||
      (hints.anthropic && (versioned || name == "models"))) {
    return at_default(anthropic_, DialectName::anthropic, "/v1", rest);
  }
  if (hints.gemini && name == "models") {
    return at_default(gemini_, DialectName::gemini, versioned ? "/v1" : "/v1beta", rest);
  }
  if (versioned || std::find(std::begin(kOpenAiSegments), std::end(kOpenAiSegments), name) !=
                       std::end(kOpenAiSegments)) {
    return at_default(openai_, DialectName::openai, "/v1", rest);
  }

  Destination nowhere;
  if (hints.anthropic) nowhere.dialect = DialectName::anthropic;
  if (hints.gemini) nowhere.dialect = DialectName::gemini;
  return nowhere;
}

}  // namespace farebox
