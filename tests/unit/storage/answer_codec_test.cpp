#include "storage/answer_codec.hpp"

#include "tests/unit/storage/answer_support.hpp"

namespace farebox {
namespace {

Answer random_answer(std::mt19937_64& random) {
  const auto any = [&] { return random() >> random() % 64; };
  const auto time = [&] { return WallTime(std::chrono::microseconds(static_cast<std::int64_t>(any() >> 1))); };
  Answer answer;
  answer.name = random_text(random);
  answer.model = random_text(random);
  for (auto count = random() % 3; count != 0; --count) answer.tags.push_back(random_text(random));
  for (auto count = random() % 3; count != 0; --count) answer.depends_on.push_back(random_text(random));
  answer.stored = time();
  answer.expires = time();
  answer.kept = time();
  answer.saved = Money::picodollars(static_cast<Int128>(any()) - static_cast<Int128>(any()));
  answer.priced = random() % 2 == 0;
  answer.latency_ms = static_cast<std::uint32_t>(any());
  answer.finish_reason = random_text(random);
  answer.stream = random() % 2 == 0;
  answer.chunked = random() % 2 == 0;
  answer.fields = random_text(random);
  answer.body = random() % 3 == 0 ? random_text(random) : wordy_body(random, random() % 5'000);
  answer.content_octets = any();
  return answer;
}

TEST(AnswerCodec, WhatIsWrittenIsRead) {
  std::mt19937_64 random(2);
  for (std::uint64_t round = 0; round < 500; ++round) {
    const Answer answer = random_answer(random);
    const AnswerKey key = answer_key(round);
    const std::string octets = encode_answer(key, answer, 1'024);
    const auto read = decode_answer(key, octets, AnswerPart::whole);
    ASSERT_TRUE(read);
    EXPECT_TRUE(same_answer(*read, answer));
    EXPECT_EQ(kept_of_row(answer_row_key(key), octets), answer.kept);
    auto head = decode_answer(key, octets, AnswerPart::without_body);
    ASSERT_TRUE(head);
    EXPECT_TRUE(head->body.empty());
    head->body = answer.body;
    EXPECT_TRUE(same_answer(*head, answer));
  }
}

TEST(AnswerCodec, LargeBodiesAreCompressed) {
  std::mt19937_64 random(4);
  Answer answer;
  const AnswerKey key = answer_key(1);
  answer.body = std::string(1'024, 'a');
  EXPECT_GT(encode_answer(key, answer, 1'024).size(), 1'024u);
  answer.body += 'a';
  EXPECT_LT(encode_answer(key, answer, 1'024).size(), 200u);
  // Not what would only grow.
  for (char& octet : answer.body) octet = static_cast<char>(random());
  const std::string octets = encode_answer(key, answer, 0);
  EXPECT_LT(octets.size(), 1'025u + 100u);
  EXPECT_EQ(decode_answer(key, octets, AnswerPart::whole)->body, answer.body);
}

TEST(AnswerCodec, AnyOtherOctetsAreNoAnswer) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 20; ++round) {
    const std::string octets = encode_answer(answer_key(1), random_answer(random), 100);
    EXPECT_FALSE(decode_answer(answer_key(2), octets, AnswerPart::whole));  // of another key
    for (std::size_t at = 0; at < octets.size(); at += 1 + random() % 5) {
      std::string other = octets;
      other[at] = static_cast<char>(other[at] ^ (1 << random() % 8));
      EXPECT_FALSE(decode_answer(answer_key(1), other, AnswerPart::whole)) << at;
      EXPECT_FALSE(decode_answer(answer_key(1), octets.substr(0, at), AnswerPart::whole)) << at;
    }
    EXPECT_FALSE(decode_answer(answer_key(1), octets + 'x', AnswerPart::whole));
  }
}

TEST(AnswerCodec, IndexRowsSayWhatTheyWereMadeOf) {
  const AnswerKey key = answer_key(3);
  for (const std::string& text : {std::string("a/b/c"), std::string(), std::string("nul\0in", 6)}) {
    const std::string row_key = index_row_key(AnswerRow::tag, text, key);
    const auto parsed = parse_index_row_key(row_key);
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->text, text);
    EXPECT_EQ(parsed->key, key);
  }
  EXPECT_FALSE(parse_index_row_key("t"));
  EXPECT_FALSE(parse_index_row_key(std::string(40, 't')));
  const WallTime kept(std::chrono::seconds(1'795'000'000));
  const auto row = decode_name_row(encode_name_row({kept, {"a", ""}, {"b"}}));
  ASSERT_TRUE(row);
  EXPECT_EQ(row->kept, kept);
  EXPECT_EQ(row->tags, (std::vector<std::string>{"a", ""}));
  EXPECT_EQ(row->depends_on, std::vector<std::string>{"b"});
  EXPECT_FALSE(decode_name_row("1234567"));
  EXPECT_FALSE(decode_name_row(encode_name_row({kept, {}, {}}) + "x"));
  const std::string found_by = encode_finding_row(kept, "name");
  EXPECT_EQ(decode_finding_row(found_by), "name");
  EXPECT_EQ(kept_of_row("tag", encode_finding_row(kept, "name")), kept);
  EXPECT_FALSE(decode_finding_row("1234567"));
  EXPECT_FALSE(kept_of_row("k", "1234567"));
}

TEST(AnswerMatch, AKeyIsSaidInLowerCaseDigits) {
  const AnswerKey key = answer_key(1);
  const std::string text = key_text(key);
  EXPECT_EQ("sha256:" + text, digest_text(key));
  EXPECT_EQ(key_of_text(text), key);
  std::string upper = text;
  for (char& digit : upper) digit = static_cast<char>(std::toupper(digit));
  EXPECT_FALSE(key_of_text(upper));
  EXPECT_FALSE(key_of_text(text.substr(1)));
  EXPECT_FALSE(key_of_text(text + "0"));
  EXPECT_FALSE(key_of_text(std::string(64, 'g')));
}

}  // namespace
}  // namespace farebox
