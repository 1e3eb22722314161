#include "tests/unit/proxy/dialect/recordings.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#ifndef FAREBOX_SOURCE_DIR
#define FAREBOX_SOURCE_DIR "."
#endif

namespace farebox::testing {
namespace {

using Json = nlohmann::json;

std::string base64_decoded(const std::string& text) {
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  int count = 0;
  for (const char octet : text) {
    const std::size_t value = kAlphabet.find(octet);
    if (value == kAlphabet.npos) continue;
    bits = bits << 6 | static_cast<unsigned>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.push_back(static_cast<char>(bits >> count & 0xff));
  }
  return out;
}

std::string body_of(const Json& message) {
  const std::string body = message.value("body", "");
  return message.value("body_encoding", "text") == "base64" ? base64_decoded(body) : body;
}

template <class T>
std::optional<T> optional_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return std::nullopt;
  return found->get<T>();
}

std::optional<std::string> word_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return std::nullopt;
  return found->is_string() ? found->get<std::string>() : found->dump();
}

ExpectedUsage expected_of(const Json& json) {
  ExpectedUsage expected;
  expected.found = json.at("usage_found").get<bool>();
  expected.input = optional_of<Tokens>(json, "input_tokens");
  expected.cached_input = optional_of<Tokens>(json, "cached_input_tokens");
  expected.cache_write = optional_of<Tokens>(json, "cache_creation_tokens");
  expected.cache_write_1h = optional_of<Tokens>(json, "cache_creation_1h_tokens");
  expected.output = optional_of<Tokens>(json, "output_tokens");
  expected.reasoning = optional_of<Tokens>(json, "reasoning_tokens");
  expected.audio_input = optional_of<Tokens>(json, "audio_input_tokens");
  expected.audio_output = optional_of<Tokens>(json, "audio_output_tokens");
  expected.image_input = optional_of<Tokens>(json, "image_input_tokens");
  expected.image_output = optional_of<Tokens>(json, "image_output_tokens");
  expected.tool_use_input = optional_of<Tokens>(json, "tool_use_input_tokens");
  expected.images = optional_of<std::uint64_t>(json, "images_count");
  if (const auto seconds = optional_of<double>(json, "audio_seconds")) {
    expected.microseconds = static_cast<std::uint64_t>(std::llround(*seconds * 1e6));
  }
  if (const auto tools = json.find("server_tools"); tools != json.end() && tools->is_object()) {
    expected.web_searches = optional_of<std::uint64_t>(*tools, "web_search_requests");
    expected.web_fetches = optional_of<std::uint64_t>(*tools, "web_fetch_requests");
  }
  expected.total = optional_of<Tokens>(json, "total_tokens");
  expected.counted_tokens = optional_of<std::uint64_t>(json, "counted_tokens");
  expected.cost_ticks = optional_of<std::uint64_t>(json, "cost_reported_ticks");
  expected.cost = word_of(json, "cost_reported");
  if (const auto more = json.find("extra_iterations"); more != json.end() && more->is_array()) {
    expected.extra_iterations = more->size();
  }
  if (const auto extra = json.find("extra"); extra != json.end() && extra->is_object()) {
    expected.characters = optional_of<std::uint64_t>(*extra, "billable_characters");
    expected.pages = optional_of<std::uint64_t>(*extra, "pages_processed");
    expected.searches = optional_of<std::uint64_t>(*extra, "search_units");
    expected.search_context = word_of(*extra, "search_context_size");
  }
  expected.has_duration = optional_of<double>(json, "audio_duration").has_value();
  expected.error_in_stream = optional_of<bool>(json, "error_in_stream").value_or(false);
  expected.model = word_of(json, "model");
  expected.finish_reason = word_of(json, "finish_reason");
  expected.service_tier = word_of(json, "service_tier");
  if (!expected.service_tier) expected.service_tier = word_of(json, "traffic_type");
  expected.inference_geo = word_of(json, "inference_geo");
  expected.speed = word_of(json, "speed");
  expected.tool_calls = optional_of<std::uint64_t>(json, "tool_calls_count").value_or(0);
  if (const auto error = json.find("error"); error != json.end() && error->is_object()) {
    for (const char* key : {"type", "code"}) {
      if (const auto word = word_of(*error, key)) expected.error_words.push_back(*word);
    }
  }
  return expected;
}

Recording recording_of(const Json& json) {
  Recording recording;
  recording.id = json.at("id");
  recording.provider = json.at("provider");
  recording.api = json.at("api");
  recording.framing = json.value("framing", "none");
  recording.fidelity = json.value("fidelity", "exact");
  recording.stream = json.value("stream", false);
  const Json& request = json.at("request");
  recording.method = request.at("method");
  const std::string url = request.at("url");
  const std::size_t host = url.find("://");
  const std::size_t path = url.find('/', host == url.npos ? 0 : host + 3);
  recording.path = path == url.npos ? "/" : url.substr(path);
  recording.request_body = body_of(request);
  for (const Json& header : request.value("headers", Json::array())) {
    std::string name = header.at(0);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (name == "content-type") recording.request_content_type = header.at(1);
  }
  const Json& response = json.at("response");
  recording.status = response.at("status");
  for (const Json& header : response.value("headers", Json::array())) {
    recording.reply_headers.emplace_back(header.at(0), header.at(1));
  }
  recording.reply = body_of(response);
  recording.expected = expected_of(json.at("expected"));
  recording.request_model = word_of(json.at("expected"), "request_model");
  return recording;
}

std::vector<Recording> recordings_in(const std::filesystem::path& file) {
  std::vector<Recording> recordings;
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty()) recordings.push_back(recording_of(Json::parse(line)));
  }
  return recordings;
}

// Those of every file, but for WebSocket sessions and for Bedrock's own APIs, which have
// tests of their own.
std::vector<Recording> recordings_below(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  if (!std::filesystem::is_directory(folder)) return {};
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const bool sessions = entry.path().stem() == "realtime-ws";
    if (entry.path().extension() == ".jsonl" && !sessions) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<Recording> all;
  for (const auto& file : files) {
    for (Recording& recording : recordings_in(file)) all.push_back(std::move(recording));
  }
  return all;
}

}  // namespace

DialectName Recording::dialect() const {
  if (provider == "anthropic") return DialectName::anthropic;
  if (provider == "gemini" || provider == "vertex") return DialectName::gemini;
  if (provider == "azure") return DialectName::azure;
  if (provider == "mistral") return DialectName::mistral;
  if (provider == "cohere") return DialectName::cohere;
  if (provider == "ollama") return DialectName::ollama;
  if (provider == "bedrock") return DialectName::bedrock;
  return DialectName::openai;
}

std::vector<Recording> kept_recordings() {
  return recordings_below(std::filesystem::path(FAREBOX_SOURCE_DIR) / "tests/data/recordings");
}

std::vector<Recording> all_recordings() {
  const char* named = std::getenv("FAREBOX_FACTS_DIR");
  const std::filesystem::path facts =
      named != nullptr ? std::filesystem::path(named)
                       : std::filesystem::path(FAREBOX_SOURCE_DIR "/../shared");
  return recordings_below(facts / "recordings");
}

}  // namespace farebox::testing
