#include "proxy/dialect/json_stream.hpp"

#include <bit>

#include "proxy/dialect/octet_scan.hpp"

namespace farebox {
namespace {

// The end of the part of a string that holds neither quote nor backslash. Control
// characters don't belong there, but that is not for a splitter to say.
const char* find_quote_or_backslash(const char* at, const char* end) {
  while (true) {
    at = find_string_stop(at, end);
    if (at == end || *at == '"' || *at == '\\') return at;
    ++at;
  }
}

}  // namespace

void JsonKeeper::clear() {
  text_.clear();
  if (text_.capacity() > (1u << 20)) text_.shrink_to_fit();
  string_start_ = 0;
  scalars_start_ = kNone;
  in_string_ = escape_ = dropping_ = false;
}

void JsonKeeper::append(std::string_view part) {
  const char* at = part.data();
  const char* end = at + part.size();
  while (at != end) at = in_string_ ? append_inside(at, end) : append_outside(at, end);
}

const char* JsonKeeper::append_inside(const char* at, const char* end) {
  const char* stop = at;
  if (escape_) {
    escape_ = false;
    ++stop;
  } else {
    stop = find_quote_or_backslash(at, end);
    if (stop != end && *stop == '\\') {
      escape_ = true;
      ++stop;
    }
  }
  if (!dropping_) {
    text_.append(at, stop);
    if (text_.size() - string_start_ > kLong) {
      text_.resize(string_start_);
      dropping_ = true;
    }
  }
  if (!escape_ && stop != end && *stop == '"') {
    text_.push_back('"');
    ++stop;
    in_string_ = dropping_ = false;
  }
  return stop;
}

const char* JsonKeeper::append_outside(const char* at, const char* end) {
  const char* start = at;
  while (at != end) {
    const char octet = *at;
    const bool opens = octet == '[';
    if (!opens && octet != '"' && octet != '{' && octet != '}' && octet != ']' && octet != ':') {
      ++at;
      continue;
    }
    // A run of scalars ends before any of these.
    if (!dropping_) text_.append(start, at);
    if (scalars_start_ != kNone && text_.size() - scalars_start_ > kLong) {
      text_.resize(scalars_start_);
    }
    dropping_ = false;
    text_.push_back(octet);
    start = ++at;
    scalars_start_ = opens ? text_.size() : kNone;
    if (octet == '"') {
      in_string_ = true;
      string_start_ = text_.size();
      return at;
    }
  }
  if (!dropping_) text_.append(start, at);
  if (scalars_start_ != kNone && text_.size() - scalars_start_ > kLong) {
    text_.resize(scalars_start_);
    dropping_ = true;
  }
  return at;
}

bool JsonSplitter::begin_value(std::string_view& piece) {
  while (!piece.empty() && !broken_) {
    const char octet = piece.front();
    if (octet == '{' && !closed_) {
      started_ = true;
      return true;
    }
    piece.remove_prefix(1);
    if (is_blank(octet)) continue;
    if (octet == '[' && !started_) {
      started_ = array_ = true;
    } else if (octet == ']' && array_ && !closed_) {
      closed_ = true;
    } else if (octet != ',' || !array_ || closed_) {
      broken_ = true;
    }
  }
  return false;
}

// Counts brackets that stand outside of strings, a bit each. Gives the number of the one that
// closes the value, or kNone.
std::size_t JsonSplitter::count_brackets(std::uint32_t opening, std::uint32_t closing) {
  for (std::uint32_t marks = opening | closing; marks != 0; marks &= marks - 1) {
    const auto place = static_cast<std::size_t>(std::countr_zero(marks));
    if ((opening >> place & 1) != 0) {
      ++depth_;
    } else if (--depth_ == 0) {
      return place;
    }
  }
  return kNone;
}

// Behind the closing brace of the value, or null when it lies in a later piece.
const char* JsonSplitter::find_end(const char* at, const char* end) {
  while (at != end) {
    if (escape_) {
      escape_ = false;
      ++at;
      continue;
    }
    if (end - at >= kScanBlock) {
      JsonMarks marks = find_json_marks(at);
      if (in_string_ && (marks.quotes | marks.backslashes) == 0) {
        at += kScanBlock;
        continue;
      }
      // Up to a backslash, which changes what a quote means.
      const int size = std::countr_zero(marks.backslashes | 1u << kScanBlock);
      const std::uint32_t wanted = (1u << size) - 1;
      // Bit i: is octet i in a string? Its opening quote is, its closing quote is not.
      std::uint32_t inside = marks.quotes & wanted;
      for (int shift = 1; shift < kScanBlock; shift *= 2) inside ^= inside << shift;
      if (in_string_) inside = ~inside;
      const std::uint32_t outside = ~inside & wanted;
      const std::size_t found = count_brackets(marks.opening & outside, marks.closing & outside);
      if (found != kNone) {
        in_string_ = false;
        return at + found + 1;
      }
      if (size != 0) in_string_ = (inside >> (size - 1) & 1) != 0;
      at += size;
      if (size == kScanBlock) continue;
    }
    const char octet = *at++;
    if (in_string_) {
      escape_ = octet == '\\';
      in_string_ = octet != '"';
    } else if (octet == '"') {
      in_string_ = true;
    } else if (octet == '{' || octet == '[') {
      ++depth_;
    } else if ((octet == '}' || octet == ']') && --depth_ == 0) {
      return at;
    }
  }
  return nullptr;
}

void JsonSplitter::keep(std::string_view part) {
  if (too_large_) return;
  keeper_.append(part);
  too_large_ = keeper_.text().size() > kMaxValue;
  if (too_large_) keeper_.clear();
}

bool JsonSplitter::next(std::string_view& piece, std::string_view& value) {
  if (given_) {
    keeper_.clear();
    given_ = false;
  }
  while (!piece.empty()) {
    if (depth_ == 0 && !begin_value(piece)) break;
    const char* start = piece.data();
    const char* stop = find_end(start, start + piece.size());
    if (stop == nullptr) {
      keep(piece);
      keeping_ = true;
      break;
    }
    std::string_view found(start, static_cast<std::size_t>(stop - start));
    piece.remove_prefix(found.size());
    ++values_;
    if (keeping_) {
      keep(found);
      found = keeper_.text();
      given_ = true;
      keeping_ = false;
    }
    const bool usable = !too_large_;
    too_large_ = false;
    if (usable) {
      value = found;
      return true;
    }
  }
  piece = {};
  return false;
}

}  // namespace farebox
