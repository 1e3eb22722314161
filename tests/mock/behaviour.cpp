#include "tests/mock/behaviour.hpp"

#include <functional>
#include <map>
#include <stdexcept>

#include "tests/mock/octets.hpp"

namespace farebox::mock {

namespace {

constexpr std::string_view kPrefix = "x-mock-";

using Setter = std::function<void(Behaviour&, const Json&)>;

// Header values arrive as text, rule values as JSON: each reader takes both.

std::string as_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::uint64_t as_number(const Json& value) {
  return value.is_string() ? std::stoull(value.get<std::string>()) : value.get<std::uint64_t>();
}

bool as_bool(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  const std::string text = as_text(value);
  if (text == "1" || text == "true" || text == "yes") return true;
  if (text == "0" || text == "false" || text == "no") return false;
  throw std::invalid_argument("not a yes or no: " + text);
}

Json as_json(const Json& value) {
  return value.is_string() ? Json::parse(value.get<std::string>()) : value;
}

Setter text(std::string Behaviour::*member) {
  return [member](Behaviour& to, const Json& value) { to.*member = as_text(value); };
}

Setter text(std::optional<std::string> Behaviour::*member) {
  return [member](Behaviour& to, const Json& value) { to.*member = as_text(value); };
}

template <typename Number>
Setter number(Number Behaviour::*member) {
  return [member](Behaviour& to, const Json& value) {
    to.*member = static_cast<Number>(as_number(value));
  };
}

Setter number(std::optional<std::uint64_t> Behaviour::*member) {
  return [member](Behaviour& to, const Json& value) { to.*member = as_number(value); };
}

Setter flag(bool Behaviour::*member) {
  return [member](Behaviour& to, const Json& value) { to.*member = as_bool(value); };
}

void add_header_line(Behaviour& to, const std::string& line) {
  const auto colon = line.find(':');
  if (colon == std::string::npos) throw std::invalid_argument("header without a colon: " + line);
  auto begin = line.find_first_not_of(' ', colon + 1);
  if (begin == std::string::npos) begin = line.size();
  to.headers.push_back({line.substr(0, colon), line.substr(begin)});
}

// ["Name: value", ...] or [["Name", "value"], ...] or {"Name": "value", ...}
void read_headers(Behaviour& to, const Json& value) {
  if (value.is_object()) {
    for (const auto& [name, text_value] : value.items()) {
      to.headers.push_back({name, as_text(text_value)});
    }
    return;
  }
  if (!value.is_array()) return add_header_line(to, as_text(value));
  for (const Json& one : value) {
    if (one.is_array()) {
      to.headers.push_back({as_text(one.at(0)), as_text(one.at(1))});
    } else {
      add_header_line(to, as_text(one));
    }
  }
}

void read_interim(Behaviour& to, const Json& value) {
  const Json list = as_json(value);
  if (list.is_number()) {
    to.interim.push_back(list.get<int>());
  } else {
    to.interim = list.get<std::vector<int>>();
  }
}

void read_steps(Behaviour& to, const Json& value) {
  const Json list = as_json(value);
  for (const Json& from : list) {
    Step step;
    if (from.contains("send")) {
      step.send = from_base64(from["send"].get<std::string>());
      if (!step.send) throw std::invalid_argument("step: send is not base64");
    }
    step.sleep_ms = from.value("sleep_ms", 0);
    step.close = from.value("close", false);
    step.reset = from.value("reset", false);
    to.steps.push_back(std::move(step));
  }
}

void read_ending(Behaviour& to, const Json& value) {
  const std::string word = as_text(value);
  if (word == "fin") {
    to.cut = Ending::fin;
  } else if (word == "reset") {
    to.cut = Ending::reset;
  } else if (word == "hang") {
    to.cut = Ending::hang;
  } else {
    throw std::invalid_argument("cut is fin, reset or hang, not " + word);
  }
}

const std::map<std::string, Setter>& setters() {
  static const std::map<std::string, Setter> all = {
      {"status", number(&Behaviour::status)},
      {"reason", text(&Behaviour::reason)},
      {"header", read_headers},
      {"headers", read_headers},
      {"location", text(&Behaviour::location)},
      {"interim", read_interim},
      {"body", text(&Behaviour::body)},
      {"body_base64", text(&Behaviour::body_base64)},
      {"body_size", number(&Behaviour::body_size)},
      {"bomb_mib", number(&Behaviour::bomb_mib)},
      {"content_type", text(&Behaviour::content_type)},
      {"echo", flag(&Behaviour::echo)},
      {"recording", text(&Behaviour::recording)},
      {"split", text(&Behaviour::split)},
      {"model", text(&Behaviour::model)},
      {"input_tokens", number(&Behaviour::input_tokens)},
      {"output_tokens", number(&Behaviour::output_tokens)},
      {"chunks", number(&Behaviour::output_tokens)},
      {"cached_tokens", number(&Behaviour::cached_tokens)},
      {"reasoning_tokens", number(&Behaviour::reasoning_tokens)},
      {"usage", flag(&Behaviour::usage)},
      {"usage_always", flag(&Behaviour::usage_always)},
      {"refuse_stream_options", number(&Behaviour::refuse_stream_options)},
      {"stamp", flag(&Behaviour::stamp)},
      {"framing", text(&Behaviour::framing)},
      {"encoding", text(&Behaviour::encoding)},
      {"chunk_size", number(&Behaviour::chunk_size)},
      {"write_size", number(&Behaviour::write_size)},
      {"raw", text(&Behaviour::raw)},
      {"steps", read_steps},
      {"delay_head_ms", number(&Behaviour::delay_head_ms)},
      {"delay_body_ms", number(&Behaviour::delay_body_ms)},
      {"delay_chunk_ms", number(&Behaviour::delay_chunk_ms)},
      {"delay_end_ms", number(&Behaviour::delay_end_ms)},
      {"read_pause_ms", number(&Behaviour::read_pause_ms)},
      {"cut_wire", number(&Behaviour::cut_wire)},
      {"cut_bytes", number(&Behaviour::cut_bytes)},
      {"cut_chunks", number(&Behaviour::cut_chunks)},
      {"cut", read_ending},
      {"connection_close", flag(&Behaviour::connection_close)},
      {"close_after", flag(&Behaviour::close_after)},
      {"close_after_ms", number(&Behaviour::close_after_ms)},
      {"stale", text(&Behaviour::stale)},
      {"idle_close_ms", number(&Behaviour::idle_close_ms)},
      {"expect", text(&Behaviour::expect)},
      {"early_answer", flag(&Behaviour::early_answer)},
  };
  return all;
}

}  // namespace

std::string read_behaviour(const Json& from, Behaviour& to) {
  if (!from.is_object()) return "a behaviour is an object";
  for (const auto& [name, value] : from.items()) {
    const auto setter = setters().find(name);
    if (setter == setters().end()) return "unknown behaviour: " + name;
    try {
      setter->second(to, value);
    } catch (const std::exception& error) {
      return "behaviour " + name + ": " + error.what();
    }
  }
  return {};
}

Json behaviour_from_fields(const std::vector<Field>& fields) {
  Json out = Json::object();
  for (const Field& field : fields) {
    std::string name = lower(field.name);
    if (name.rfind(kPrefix, 0) != 0) continue;
    name.erase(0, kPrefix.size());
    for (char& c : name) {
      if (c == '-') c = '_';
    }
    if (name == "header") {
      out["headers"].push_back(latin1_to_utf8(field.value));
    } else {
      out[name] = latin1_to_utf8(field.value);
    }
  }
  return out;
}

}  // namespace farebox::mock
