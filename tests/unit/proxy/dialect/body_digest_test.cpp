#include "proxy/dialect/body_digest.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "proxy/dialect/json_cursor.hpp"

namespace farebox {
namespace {

std::optional<BodyDigest> read(std::string_view body, DialectName dialect = DialectName::openai) {
  return digest_body(body, dialect);
}

bool equal(std::string_view a, std::string_view b, DialectName dialect = DialectName::openai) {
  const auto x = digest_body(a, dialect), y = digest_body(b, dialect);
  EXPECT_TRUE(x) << a;
  EXPECT_TRUE(y) << b;
  return x && y && x->digest == y->digest;
}

struct Pair {
  const char* a;
  const char* b;
};

TEST(BodyDigest, OrderBlanksAndSpellingDontMatter) {
  const Pair pairs[] = {
      {R"({})", " {\r\n\t} "},
      {R"({"a":1,"b":2})", R"({ "b" : 2 , "a" : 1 })"},
      {R"({"a":{"x":[1,2],"y":null},"b":true})", R"({"b":true,"a":{"y":null,"x":[ 1 , 2 ]}})"},
      {R"({"a":"A"})", R"({"a":"\u0041"})"},
      {R"({"a":1})", R"({"\u0061":1})"},
      {R"({"a":"/"})", R"({"a":"\/"})"},
      {R"({"a":"\b\f\n\r\t\"\\"})", R"({"a":"\u0008\u000C\u000a\u000d\u0009\u0022\u005c"})"},
      {"{\"a\":\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"}", R"({"a":"\u00e9 \u20AC \ud83d\uDE00"})"},
      {"{\"a\":\"\xef\xbf\xbd\"}", R"({"a":"\ufffd"})"},
      {R"({"a":"\ud800"})", R"({"a":"\uD800"})"},
      {R"({"a":"x\udc00A"})", R"({"a":"\u0078\uDC00\u0041"})"},
      {"{\"a\":\"\x7f\"}", R"({"a":"\u007f"})"},
      {R"({"é":1,"z":2,"aa":3,"a":4,"":5})", R"({"":5,"a":4,"aa":3,"z":2,"\u00e9":1})"},
  };
  for (const auto& [a, b] : pairs) EXPECT_TRUE(equal(a, b)) << a << "\n" << b;
}

TEST(BodyDigest, EverythingElseMatters) {
  const Pair pairs[] = {
      {R"({})", R"({"a":null})"},
      {R"({"a":1})", R"({"a":1.0})"},
      {R"({"a":1})", R"({"a":1e0})"},
      {R"({"a":0})", R"({"a":-0})"},
      {R"({"a":1})", R"({"a":"1"})"},
      {R"({"a":true})", R"({"a":"true"})"},
      {R"({"a":true})", R"({"a":false})"},
      {R"({"a":null})", R"({"a":"null"})"},
      {R"({"a":[]})", R"({"a":{}})"},
      {R"({"a":[]})", R"({"a":[[]]})"},
      {R"({"a":[1,2]})", R"({"a":[2,1]})"},
      {R"({"a":[1,[2]]})", R"({"a":[[1],2]})"},
      {R"({"a":["ab"]})", R"({"a":["a","b"]})"},
      {R"({"a":"b","c":"d"})", R"({"a":"d","c":"b"})"},
      {R"({"a":{"b":1},"c":2})", R"({"a":{"b":1,"c":2}})"},
      {R"({"a":"x"})", R"({"A":"x"})"},
      {R"({"a":"x"})", R"({"a":"x "})"},
      {R"({"a":"e\u0301"})", R"({"a":"\u00e9"})"},  // no normalisation
      {R"({"a":"\ud800"})", R"({"a":"\ufffd"})"},
      {R"({"a":"\ud800"})", R"({"a":"\ud801"})"},
      {R"({"a":"\ud800"})", R"({"a":"\udc00"})"},
      {R"({"a":"\udc00\ud800"})", R"({"a":"\ud800\udc00"})"},
      {R"({"a":"\ud800"})", "{\"a\":\"\xff\xd8\"}"},
      {R"({"a":"\ud800"})", "{\"a\":\"\xed\xa0\x80\"}"},
      {R"({"a":"\ud8ff"})", "{\"a\":\"\\ud8ff\xff\"}"},
      {"{\"a\":\"\\ud800\xff\"}", "{\"a\":\"\\ud800\xff\xff\"}"},
      {R"({"a":"\ud800\ud800"})", R"({"a":"\ud800"})"},
      {R"({"a":{"user":"x"}})", R"({"a":{"user":"y"}})"},
      {R"({"a":{"stream":true}})", R"({"a":{"stream":false}})"},
      {R"({"labels":{"a":"b"}})", R"({})"},  // of Gemini's only
      {R"({"User":"x"})", R"({})"},
  };
  for (const auto& [a, b] : pairs) EXPECT_FALSE(equal(a, b)) << a << "\n" << b;
}

TEST(BodyDigest, LeavesOutWhatNoAnswerDependsOn) {
  const std::string_view bare = R"({"model":"m","messages":[]})";
  for (const char* body :
       {R"({"model":"m","messages":[],"user":"u-1"})",
        R"({"metadata":{"user_id":"x"},"model":"m","messages":[]})",
        R"({"model":"m","safety_identifier":"s","messages":[],"prompt_cache_key":"k"})",
        R"({"model":"m","\u0075ser":"u","messages":[]})",
        R"({"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":true}})"}) {
    EXPECT_TRUE(equal(bare, body)) << body;
  }
  EXPECT_TRUE(equal(R"({"contents":[]})", R"({"labels":{"a":"b"},"contents":[]})", DialectName::gemini));
}

TEST(BodyDigest, TellsTheFormApart) {
  const Digest none{};
  const auto plain = read(R"({"a":1})");
  const auto streamed = read(R"({"a":1,"stream":true})");
  const auto usage = read(R"({"stream_options":{"include_usage":true},"a":1,"stream":true})");
  const auto other = read(R"({"stream_options":{"include_usage":false},"a":1,"stream":true})");
  const auto same = read(R"({"stream_options":{ "include_us\u0061ge" : true },"a":1,"stream":true})");
  ASSERT_TRUE(plain && streamed && usage && other && same);
  EXPECT_FALSE(plain->stream);
  EXPECT_TRUE(streamed->stream && usage->stream);
  EXPECT_EQ(plain->form, none);
  EXPECT_EQ(streamed->form, none);
  EXPECT_NE(usage->form, none);
  EXPECT_NE(usage->form, other->form);
  EXPECT_EQ(usage->form, same->form);
  EXPECT_EQ(plain->digest, usage->digest);
  EXPECT_EQ(read(R"({"a":1,"stream_options":null})")->form, none);
  EXPECT_FALSE(read(R"({"stream":null})")->stream);
  EXPECT_TRUE(read("{}", DialectName::ollama)->stream);
  EXPECT_TRUE(read(R"({"stream":null})", DialectName::ollama)->stream);
  EXPECT_FALSE(read(R"({"stream":false})", DialectName::ollama)->stream);
}

TEST(BodyDigest, WhatIsAmbiguousHasNone) {
  for (const char* body :
       {"", " ", "[]", "1", "\"a\"", "null", "{", "{\"a\":1", "{\"a\":01}", "{}x", "{} {}", "\xef\xbb\xbf{}",
        R"({"a":1,"a":1})", R"({"a":1,"b":2,"a":3})", R"({"b":1,"a":2,"\u0061":3})",
        R"({"x":[{"a":1,"a":2}]})", R"({"user":"a","user":"a"})", R"({"stream":true,"stream":true})",
        R"({"stream_options":{},"stream_options":{}})", R"({"stream":"true"})", R"({"stream":1})",
        R"({"stream_options":{"a":1,"a":2}})", R"({"\ud800":1})", R"({"a":{"\ufffd":1}})",
        R"({"a":"\x"})", "{\"a\":\"\n\"}"}) {
    EXPECT_FALSE(read(body)) << body;
  }
  constexpr std::size_t kMost = JsonCursor::kMaxVisits - 1;
  const auto nested = [](std::size_t depth) {
    return R"({"a":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_TRUE(read(nested(kMost)));
  EXPECT_FALSE(read(nested(kMost + 1)));
  EXPECT_FALSE(read(nested(5'000'000)));
}

TEST(BodyDigest, ReadsWhatDecidesWhetherAnAnswerRepeats) {
  struct Row {
    const char* body;
    bool zero, seeded;
  };
  const Row rows[] = {
      {R"({})", false, false},
      {R"({"temperature":0})", true, false},
      {R"({"temperature":0.0})", true, false},
      {R"({"temperature":-0})", true, false},
      {R"({"temperature":0e5})", true, false},
      {R"({"temperature":0.000E-7})", true, false},
      {R"({"temperature":0.001})", false, false},
      {R"({"temperature":1e-400})", false, false},
      {R"({"temperature":1})", false, false},
      {R"({"temperature":null})", false, false},
      {R"({"temperature":"0"})", false, false},
      {R"({"temperature":false})", false, false},
      {R"({"x":{"temperature":0,"seed":1}})", false, false},
      {R"({"seed":7})", false, true},
      {R"({"seed":0})", false, true},
      {R"({"seed":null})", false, false},
      {R"({"seed":"7"})", false, false},
      {R"({"random_seed":7})", false, true},
      {R"({"generationConfig":{"temperature":0,"seed":3}})", true, true},
      {R"({"generation_config":{"temperature":0.0}})", true, false},
      {R"({"options":{"seed":3,"temperature":0}})", true, true},
      {R"({"inferenceConfig":{"temperature":0}})", true, false},
      {R"({"temperature":1,"options":{"temperature":0}})", false, false},
      {R"({"temperature":0,"options":{"temperature":1}})", false, false},
      {R"({"options":[{"temperature":0}]})", false, false},
  };
  for (const Row& row : rows) {
    const auto said = read(row.body);
    ASSERT_TRUE(said) << row.body;
    EXPECT_EQ(said->temperature_zero, row.zero) << row.body;
    EXPECT_EQ(said->seeded, row.seeded) << row.body;
  }
}

TEST(BodyDigest, KnowsWhatGoesOnAtTheProvider) {
  for (const char* body : {R"({"conversation":"c"})", R"({"conversation":{"id":"c"}})",
                           R"({"container":"c"})", R"({"background":true})"}) {
    EXPECT_TRUE(read(body)->stateful) << body;
  }
  for (const char* body : {R"({})", R"({"conversation":null})", R"({"background":false})",
                           R"({"previous_response_id":"r"})"}) {
    EXPECT_FALSE(read(body)->stateful) << body;
  }
}

TEST(BodyDigest, OneBodyLeavesNothingBehind) {
  const auto before = read(R"({"b":1,"a":{"d":1,"c":2}})");
  std::string long_body = R"({"z":[)";
  for (int i = 0; i < 50'000; ++i) long_body += R"({"b":1,"a":")" + std::to_string(i) + R"("},)";
  long_body += "1]}";
  EXPECT_TRUE(read(long_body));
  EXPECT_FALSE(read(R"({"b":{"d":1,"d":2})"));
  EXPECT_EQ(before->digest, read(R"({"a":{"c":2,"d":1},"b":1})")->digest);
  const auto whole = read(long_body);
  long_body[long_body.rfind("49999")] = '5';
  EXPECT_NE(whole->digest, read(long_body)->digest);
}

TEST(BodyDigest, HasAnEnd) {
  std::string members = R"({"a":[)";
  for (int i = 0; i < 70'000; ++i) members += R"({"b":1,"a":2},)";
  EXPECT_TRUE(read(members + "0]}"));  // many, but never open at a time
  members = "{";
  for (int i = 0; i < 70'000; ++i) members += '"' + std::to_string(i) + R"(":0,)";
  EXPECT_FALSE(read(members + R"("x":0})"));
}

// A value, made at random, and written in one of many ways.
struct Value {
  enum class Kind { word, string, array, object } kind = Kind::word;
  std::string text;                 // of a word as it is; of a string in code points of UTF-8
  std::vector<std::string> points;  // of a string, each as JSON can say it plainly
  std::vector<std::pair<std::string, Value>> members;
  std::vector<Value> elements;
};

class Maker {
 public:
  explicit Maker(unsigned seed) : random_(seed) {}

  std::size_t pick(std::size_t below) { return random_() % below; }

  Value value(int depth) {
    static const char* kWords[] = {"true", "false", "null", "0", "1", "1.0", "-3e7", "17"};
    Value made;
    switch (depth == 0 ? pick(2) : pick(5)) {
      case 0: made.text = kWords[pick(std::size(kWords))]; return made;
      case 1:
        made.kind = Value::Kind::string;
        for (std::size_t size = pick(pick(40) == 0 ? 5000 : 12); size > 0; --size) {
          made.points.push_back(point());
        }
        return made;
      case 2:
        made.kind = Value::Kind::array;
        for (std::size_t size = pick(5); size > 0; --size) made.elements.push_back(value(depth - 1));
        return made;
      default:
        made.kind = Value::Kind::object;
        for (std::size_t size = pick(7); size > 0; --size) {
          made.members.emplace_back("k" + std::to_string(size), value(depth - 1));
        }
        return made;
    }
  }

  // In some order, with some blanks and escapes.
  std::string write(const Value& value) {
    std::string out;
    switch (value.kind) {
      case Value::Kind::word: return value.text;
      case Value::Kind::string:
        for (const std::string& one : value.points) out += spell(one);
        return '"' + out + '"';
      case Value::Kind::array:
        for (const Value& element : value.elements) {
          out += (out.empty() ? "" : ",") + blank() + write(element) + blank();
        }
        return '[' + out + blank() + ']';
      case Value::Kind::object: break;
    }
    auto members = value.members;
    std::shuffle(members.begin(), members.end(), random_);
    for (const auto& [key, member] : members) {
      out += (out.empty() ? "" : ",") + blank() + '"' + spell(key.substr(0, 1)) + key.substr(1) + '"' +
             blank() + ':' + blank() + write(member);
    }
    return '{' + out + blank() + '}';
  }

  // Changes it somewhere; false: nothing was changed.
  bool mutate(Value& value) {
    switch (value.kind) {
      case Value::Kind::word: value.text = value.text == "0" ? "0.0" : "0"; return true;
      case Value::Kind::string:
        if (value.points.empty() || pick(3) == 0) {
          value.points.push_back("x");
        } else if (pick(2) == 0) {
          value.points.pop_back();
        } else {
          std::string& one = value.points[pick(value.points.size())];
          one = one == "y" ? "z" : "y";
        }
        return true;
      case Value::Kind::array:
        if (value.elements.empty() || pick(4) == 0) return value.elements.emplace_back().text = "0", true;
        if (pick(4) == 0) return value.elements.pop_back(), true;
        return mutate(value.elements[pick(value.elements.size())]);
      case Value::Kind::object:
        if (value.members.empty() || pick(4) == 0) {
          value.members.emplace_back("new" + std::to_string(value.members.size()), Value());
          value.members.back().second.text = "null";
          return true;
        }
        if (pick(4) == 0) return value.members.pop_back(), true;
        return mutate(value.members[pick(value.members.size())].second);
    }
    return false;
  }

 private:
  std::string point() {
    static const char* kPoints[] = {"a", "Z", " ", "/", "\\n", "\\\"", "\\\\", "\xc3\xa9",
                                    "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\\ud801x", "\xff", "\\u0000"};
    return kPoints[pick(std::size(kPoints))];
  }
  std::string blank() { return std::string(pick(3), " \t\r\n"[pick(4)]); }

  // The same text in another spelling, for some.
  std::string spell(const std::string& one) {
    if (pick(2) == 0) return one;
    if (one == "\xc3\xa9") return "\\u00E9";
    if (one == "\xe2\x82\xac") return "\\u20ac";
    if (one == "\xf0\x9f\x98\x80") return "\\uD83d\\uDE00";
    if (one == "/") return "\\/";
    if (one == "\\n") return "\\u000A";
    if (one == "\\\"") return "\\u0022";
    if (one == "\\\\") return "\\u005C";
    if (one == "\\ud801x") return "\\uD801\\u0078";
    if (one.size() != 1 || one[0] == '\xff') return one;
    static const char kHex[] = "0123456789abcdef";
    return std::string("\\u00") + kHex[one[0] >> 4] + kHex[one[0] & 15];
  }

  std::mt19937 random_;
};

TEST(BodyDigest, EveryWritingOfAValueHasItsDigestAndNoOtherValueHas) {
  for (unsigned seed = 0; seed < 80; ++seed) {
    Maker maker(seed);
    Value body;
    body.kind = Value::Kind::object;
    body.members.emplace_back("model", maker.value(0));
    body.members.emplace_back("messages", maker.value(4));
    const std::string first = maker.write(body);
    const auto digest = read(first);
    ASSERT_TRUE(digest) << first;
    for (int i = 0; i < 5; ++i) {
      const std::string again = maker.write(body);
      ASSERT_TRUE(equal(first, again)) << first << "\n" << again;
    }
    for (int i = 0; i < 5; ++i) {
      Value other = body;
      if (!maker.mutate(other)) continue;
      const std::string changed = maker.write(other);
      ASSERT_FALSE(equal(first, changed)) << first << "\n" << changed;
    }
  }
}

}  // namespace
}  // namespace farebox
