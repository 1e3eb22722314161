// Do two readers who know nothing of each other see the same boundaries? (reliability, H5)
//
// Requests are mutated and read by our guard, and by two small readers written for this
// alone: one as strict as RFC 9112 allows, one as lax as servers in the field. Where ours
// and another both accept a request, its content and its end must be the same.
//
//   fuzz_boundary [--mutants N] [--seed N] FILE|DIRECTORY...    .jsonl: shared cases
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

#include "proxy/http/body_reader.hpp"
#include "proxy/http/head.hpp"

namespace {

namespace fs = std::filesystem;

enum class Verdict { accepted, refused, incomplete };

struct Seen {
  Verdict verdict = Verdict::refused;
  std::size_t end = 0;  // offset behind the request
  std::string content;
};

Seen read_ours(std::string_view raw) {
  using namespace farebox;
  http::HeadScanner scanner({});
  const auto length = scanner.find_end(raw);
  if (!length) return {};
  if (*length == 0) return {Verdict::incomplete, 0, ""};
  http::RequestHead head;
  if (!http::parse_request(raw.substr(0, *length), {}, head)) return {};
  http::BodyReader body(head.framing, head.content_length);
  Seen seen{Verdict::accepted, 0, ""};
  std::string_view input = raw.substr(*length);
  while (true) {
    const auto step = body.next(input);
    seen.content += step.data;
    if (step.what == http::BodyReader::What::broken) return {};
    if (step.what == http::BodyReader::What::need_more) return {Verdict::incomplete, 0, ""};
    if (step.what == http::BodyReader::What::end) break;
  }
  seen.end = raw.size() - input.size();
  return seen;
}

// Line by line, as a person would read it. `lax`: LF ends lines too, blanks before a colon
// and folded lines are forgiven, the last length counts, any mention of chunked is chunked.
class Independent {
 public:
  Independent(std::string_view raw, bool lax) : raw_(raw), lax_(lax) {}

  Seen read() {
    std::string line;
    const Verdict first = next_line(line);
    if (first != Verdict::accepted) return {first, 0, ""};
    const std::size_t blank = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (blank == line.npos || blank == last || line.find(' ', blank + 1) != last) return {};
    const std::string version = line.substr(last + 1);
    if (version.size() != 8 || version.compare(0, 7, "HTTP/1.") != 0) return {};
    std::map<std::string, std::vector<std::string>> fields;
    std::string name;
    while (true) {
      const Verdict verdict = next_line(line);
      if (verdict != Verdict::accepted) return {verdict, 0, ""};
      if (line.empty()) break;
      if (line[0] == ' ' || line[0] == '\t') {
        if (!lax_ || name.empty()) return {};
        fields[name].back() += " " + stripped(line);
        continue;
      }
      const std::size_t colon = line.find(':');
      if (colon == line.npos || colon == 0) return {};
      name = line.substr(0, colon);
      if (lax_) name = stripped(name);
      for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
      if (!lax_ && name.find_first_of(" \t") != name.npos) return {};
      fields[name].push_back(stripped(line.substr(colon + 1)));
    }
    const auto& codings = fields["transfer-encoding"];
    const auto& lengths = fields["content-length"];
    if (!codings.empty()) {
      std::string all;
      for (const std::string& coding : codings) all += coding + ",";
      for (char& c : all) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
      if (lax_ ? all.find("chunked") != all.npos : all == "chunked," && lengths.empty() && version[7] == '1') {
        return read_chunks();
      }
      if (!lax_) return {};
    }
    if (lengths.empty()) return {Verdict::accepted, at_, ""};
    if (!lax_ && lengths.size() > 1) return {};
    return read_length(lengths.back());
  }

 private:
  static std::string stripped(const std::string& text) {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == text.npos) return "";
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
  }

  Verdict next_line(std::string& line) {
    const std::size_t end = raw_.find('\n', at_);
    if (end == raw_.npos) return Verdict::incomplete;
    line = raw_.substr(at_, end - at_);
    at_ = end + 1;
    const bool whole = !line.empty() && line.back() == '\r';
    if (whole) line.pop_back();
    if (!lax_ && (!whole || line.find('\r') != line.npos || line.find('\0') != line.npos)) return Verdict::refused;
    return Verdict::accepted;
  }

  Seen read_length(const std::string& text) {
    std::size_t length = 0;
    for (const char c : text) {
      if (c < '0' || c > '9') {
        if (!lax_) return {};
        break;
      }
      length = length * 10 + static_cast<std::size_t>(c - '0');
      if (length > (std::size_t{1} << 40)) return {Verdict::incomplete, 0, ""};
    }
    if (text.empty()) return {};
    if (raw_.size() - at_ < length) return {Verdict::incomplete, 0, ""};
    return {Verdict::accepted, at_ + length, std::string(raw_.substr(at_, length))};
  }

  Seen read_chunks() {
    Seen seen{Verdict::accepted, 0, ""};
    std::string line;
    while (true) {
      const Verdict verdict = next_line(line);
      if (verdict != Verdict::accepted) return {verdict, 0, ""};
      char* stop = nullptr;
      errno = 0;
      const unsigned long long size = std::strtoull(line.c_str(), &stop, 16);
      if (stop == line.c_str() || errno != 0) return {};
      if (!lax_) {
        const std::size_t digits = line.find_first_not_of("0123456789abcdefABCDEF");
        const std::size_t behind = line.find_first_not_of(" \t", digits == line.npos ? line.size() : digits);
        if (digits == 0 || (digits != line.npos && (behind == line.npos || line[behind] != ';'))) return {};
      }
      if (size == 0) break;
      if (raw_.size() - at_ < size) return {Verdict::incomplete, 0, ""};
      seen.content += raw_.substr(at_, size);
      at_ += size;
      const Verdict end = next_line(line);
      if (end != Verdict::accepted) return {end, 0, ""};
      if (!line.empty()) return {};
    }
    do {
      const Verdict verdict = next_line(line);
      if (verdict != Verdict::accepted) return {verdict, 0, ""};
      if (!lax_ && !line.empty() && line.find(':') == line.npos) return {};
    } while (!line.empty());
    seen.end = at_;
    return seen;
  }

  std::string_view raw_;
  bool lax_;
  std::size_t at_ = 0;
};

constexpr std::string_view kLines[] = {
    "Content-Length: 4\r\n", "Content-Length: 0\r\n", "Content-Length : 4\r\n", "content-length:+4\r\n",
    "Content-Length: 4, 4\r\n", "Content-Length:\t5\r\n", "Content_Length: 3\r\n", "Content-Length: 04\r\n",
    "Transfer-Encoding: chunked\r\n", "Transfer-Encoding : chunked\r\n", "Transfer-Encoding:\tchunked\r\n",
    "Transfer-Encoding: xchunked\r\n", "Transfer-Encoding: chunked, identity\r\n", "transfer-encoding: CHUNKED \r\n",
    "Transfer-Encoding\r\n", " chunked\r\n", "X: y\r\n", "Host: b\r\n", "0\r\n\r\n", "4\r\nabcd\r\n", "1;x\r\nz\r\n",
    "GET /b HTTP/1.1\r\nHost: b\r\n\r\n", "\r\n", "X: \r\r\n", "Expect: 100-continue\r\n",
};
constexpr std::string_view kOctets[] = {"\r", "\n", "\r\n", " ", "\t", ":", ",", ";", "0", "1", "4", "a", "g", "-",
                                        "+", "\"", "x", "\x0b", "\xa0", "\x7f", "HTTP/1.0", "chunked", "ffffffff"};

class Mutator {
 public:
  Mutator(const std::vector<std::string>& seeds, std::uint64_t seed) : seeds_(seeds), random_(seed) {}

  std::string next() {
    std::string text = any_seed();
    for (auto changes = 1 + random_() % 5; changes > 0; --changes) change(text);
    return text;
  }

 private:
  const std::string& any_seed() { return seeds_[random_() % seeds_.size()]; }

  // An offset behind a line end, or anywhere.
  std::size_t place(const std::string& text) {
    const std::size_t at = random_() % (text.size() + 1);
    if (random_() % 3 == 0) return at;
    const std::size_t line = text.find('\n', at);
    return line == text.npos ? at : line + 1;
  }

  void change(std::string& text) {
    const std::size_t at = place(text);
    switch (random_() % 8) {
      case 0:
      case 1: text.insert(at, kLines[random_() % std::size(kLines)]); return;
      case 2:
      case 3: text.insert(random_() % (text.size() + 1), kOctets[random_() % std::size(kOctets)]); return;
      case 4: text.erase(at, 1 + random_() % 4); return;
      case 5: if (at < text.size()) text[at] = static_cast<char>(random_() & 0xFF); return;
      case 6: if (const std::size_t end = text.find('\n', at); end != text.npos) text.erase(at, end + 1 - at); return;
      default: text += any_seed(); return;
    }
  }

  const std::vector<std::string>& seeds_;
  std::mt19937_64 random_;
};

std::string from_base64(std::string_view text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  unsigned bits = 0;
  int held = 0;
  for (const char c : text) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<unsigned>(kAlphabet.find(c));
    if ((held += 6) < 8) continue;
    held -= 8;
    out += static_cast<char>(bits >> held & 0xFF);
  }
  return out;
}

void add_seeds(const fs::path& path, std::vector<std::string>& seeds) {
  if (fs::is_directory(path)) {
    std::vector<fs::path> inside(fs::directory_iterator(path), fs::directory_iterator{});
    std::sort(inside.begin(), inside.end());
    for (const fs::path& each : inside) add_seeds(each, seeds);
    return;
  }
  std::ifstream file(path, std::ios::binary);
  if (path.extension() != ".jsonl") {
    // A seed of fuzz_head: its first octet is about cutting.
    std::string text(std::istreambuf_iterator<char>(file), {});
    if (text.size() > 1) seeds.push_back(text.substr(1));
    return;
  }
  constexpr std::string_view kKey = "\"raw_request_base64\": \"";
  for (std::string line; std::getline(file, line);) {
    const std::size_t at = line.find(kKey);
    if (at == line.npos) continue;
    const std::size_t begin = at + kKey.size();
    std::string text = from_base64(std::string_view(line).substr(begin, line.find('"', begin) - begin));
    if (text.size() < 2'000) seeds.push_back(std::move(text));
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t mutants = 100'000;
  std::uint64_t seed = 1;
  std::vector<std::string> seeds;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--mutants") == 0 && i + 1 < argc) {
      mutants = std::strtoull(argv[++i], nullptr, 10);
    } else if (std::strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
      seed = std::strtoull(argv[++i], nullptr, 10);
    } else {
      add_seeds(argv[i], seeds);
    }
  }
  if (seeds.empty()) return std::fputs("boundary: no seeds\n", stderr), 66;
  Mutator mutator(seeds, seed);
  std::uint64_t accepted = 0, both[2] = {0, 0}, disagreements = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < mutants; ++i) {
    const std::string text = mutator.next();
    const Seen ours = read_ours(text);
    if (ours.verdict != Verdict::accepted) continue;
    ++accepted;
    for (const bool lax : {false, true}) {
      const Seen other = Independent(text, lax).read();
      if (other.verdict == Verdict::refused) continue;
      ++both[lax];
      if (other.verdict == Verdict::accepted && other.end == ours.end && other.content == ours.content) continue;
      if (++disagreements > 20) continue;
      std::printf("disagreement with the %s reader, ours ends at %zu, theirs at %zu:\n", lax ? "lax" : "strict",
                  ours.end, other.end);
      for (const char c : text) c >= 0x20 && c < 0x7F ? std::printf("%c", c) : std::printf("\\x%02x", c & 0xFF);
      std::printf("\n");
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("{\"target\":\"boundary\",\"mutants\":%llu,\"accepted\":%llu,\"bothStrict\":%llu,\"bothLax\":%llu,"
              "\"disagreements\":%llu,\"seed\":%llu,\"seconds\":%.1f}\n",
              static_cast<unsigned long long>(mutants), static_cast<unsigned long long>(accepted),
              static_cast<unsigned long long>(both[0]), static_cast<unsigned long long>(both[1]),
              static_cast<unsigned long long>(disagreements), static_cast<unsigned long long>(seed), took.count());
  return disagreements == 0 ? 0 : 1;
}
