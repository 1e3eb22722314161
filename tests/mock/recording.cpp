#include "tests/mock/recording.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>

#include "tests/mock/octets.hpp"

namespace farebox::mock {

namespace {

const std::set<std::string> kOurOwnFields = {"content-length", "transfer-encoding", "connection",
                                             "keep-alive", "content-type", "content-encoding"};

// End of the event that begins here: behind the blank line, with LF or CRLF.
std::size_t sse_event_end(std::string_view body, std::size_t from) {
  const auto lf = body.find("\n\n", from);
  const auto crlf = body.find("\r\n\r\n", from);
  if (lf == std::string_view::npos && crlf == std::string_view::npos) return body.size();
  return lf < crlf ? lf + 2 : crlf + 4;
}

std::size_t line_end(std::string_view body, std::size_t from) {
  const auto lf = body.find('\n', from);
  return lf == std::string_view::npos ? body.size() : lf + 1;
}

// A frame of the AWS event stream begins with its whole length, big endian.
std::size_t frame_end(std::string_view body, std::size_t from) {
  if (body.size() - from < 4) return body.size();
  std::size_t length = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    length = length << 8 | static_cast<unsigned char>(body[from + i]);
  }
  return length < 16 || length > body.size() - from ? body.size() : from + length;
}

std::size_t piece_end(const Recording& recording, const std::string& split, std::size_t from) {
  const std::string_view body = recording.body;
  if (split == "byte") return from + 1;
  if (split == "whole") return body.size();
  if (!split.empty() && split != "event") {
    return std::min(body.size(), from + std::max(1UL, std::stoul(split)));
  }
  if (recording.framing == "sse") return sse_event_end(body, from);
  if (recording.framing == "ndjson" || recording.framing == "json-array") {
    return line_end(body, from);
  }
  if (recording.framing == "aws-eventstream") return frame_end(body, from);
  return body.size();
}

std::string text_or(const Json& from, const char* name, const char* otherwise) {
  const auto found = from.find(name);
  return found != from.end() && found->is_string() ? found->get<std::string>() : otherwise;
}

Recording read_recording(const Json& line) {
  const Json& response = line.at("response");
  Recording recording;
  recording.status = response.at("status").get<int>();
  recording.content_type = text_or(response, "content_type", "application/json");
  recording.framing = text_or(line, "framing", "none");
  for (const Json& pair : response.at("headers")) {
    Field field{pair.at(0).get<std::string>(), pair.at(1).get<std::string>()};
    if (kOurOwnFields.count(lower(field.name)) == 0) recording.headers.push_back(std::move(field));
  }
  const std::string body = text_or(response, "body", "");
  if (text_or(response, "body_encoding", "text") == "base64") {
    const auto octets = from_base64(body);
    if (!octets) throw std::runtime_error("body is not base64");
    recording.body = *octets;
  } else {
    recording.body = body;
  }
  return recording;
}

}  // namespace

Reply Recording::reply(const std::string& split) const {
  Reply out;
  out.status = status;
  out.content_type = content_type;
  out.fields = headers;
  out.streamed = framing != "none";
  for (std::size_t from = 0; from < body.size();) {
    const std::size_t end = piece_end(*this, split, from);
    out.add(body.substr(from, end - from));
    from = end;
  }
  return out;
}

void Recordings::load(const std::string& file_or_directory) {
  namespace fs = std::filesystem;
  if (!fs::is_directory(file_or_directory)) return load_file(file_or_directory);
  for (const auto& entry : fs::directory_iterator(file_or_directory)) {
    if (entry.path().extension() == ".jsonl") load_file(entry.path());
  }
}

const Recording* Recordings::find(const std::string& id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &found->second;
}

void Recordings::load_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("can't read " + path);
  std::string text;
  for (int number = 1; std::getline(file, text); ++number) {
    try {
      const Json line = Json::parse(text);
      if (!line.contains("response")) continue;
      by_id_[line.at("id").get<std::string>()] = read_recording(line);
    } catch (const std::exception& error) {
      throw std::runtime_error(path + ":" + std::to_string(number) + ": " + error.what());
    }
  }
}

}  // namespace farebox::mock
