#include "proxy/dialect/tool_text.hpp"

#include <gtest/gtest.h>

#include "proxy/dialect/json_print.hpp"

namespace farebox {
namespace {

// What stands between the begin and the end of the namespace.
std::string types_of(std::string_view function) {
  const auto tree = JsonTree::read(function);
  if (!tree) return "no JSON";
  ToolText text;
  text.add(*tree, tree->root());
  std::string whole = text.finish();
  constexpr std::string_view kEnd = "} // namespace functions";
  EXPECT_TRUE(whole.starts_with(ToolText::kOpening));
  EXPECT_TRUE(whole.ends_with(kEnd));
  return whole.substr(ToolText::kOpening.size(),
                      whole.size() - ToolText::kOpening.size() - kEnd.size());
}

struct Row {
  const char* function;
  const char* types;
};

TEST(ToolText, WritesTypesOfSchemas) {
  const Row rows[] = {
      {R"({"name":"now"})", "type now = () => any;\n\n"},
      {R"({"name":"now","description":"","parameters":{"type":"object","properties":{}}})",
       "type now = () => any;\n\n"},
      // One line, where nothing is said of the parameters.
      {R"({"name":"add","parameters":{"properties":{"a":{"type":"integer"},"b":{"type":"number"}},
           "required":["a"]}})",
       "type add = (_: { a: number, b?: number }) => any;\n\n"},
      {R"({"name":"w","description":"Get it.\n\n    Args:\n  ","parameters":{"properties":{
           "city":{"type":"string","description":"A city"}},"required":["city"]}})",
       "// Get it.\n// Args:\ntype w = (_: {\n// A city\ncity: string,\n}) => any;\n\n"},
      {R"({"name":"w","parameters":{"title":"WArgs","properties":{
           "n":{"title":"N","description":"How many","default":"x","type":"string"}}}})",
       "type w = (_: {\n// WArgs\n// N\n// How many\nn?: string, // default: \"x\"\n}) => any;\n\n"},
      {R"({"name":"w","parameters":{"properties":{"u":{"enum":["C","F"],"type":"string"},
           "v":{"type":["string","null"]},"x":{"anyOf":[{"type":"integer"},{"type":"null"}]}}}})",
       "type w = (_: { u?: \"C\" | \"F\", v?: string | null, x?: number | null }) => any;\n\n"},
      {R"({"name":"w","parameters":{"properties":{"l":{"type":"array","items":{"type":"string"}},
           "m":{"type":"array"},"o":{"type":"object"},"p":{}}}})",
       "type w = (_: { l?: string[], m?: any[], o?: object, p?: any }) => any;\n\n"},
      // Definitions, which say their own titles.
      {R"({"name":"w","parameters":{"$defs":{"A":{"title":"A","type":"object","properties":{
           "x":{"type":"string"}}}},"properties":{"a":{"$ref":"#/$defs/A"},"b":{"$ref":"#/$defs/B"}}}})",
       "type w = (_: {\na?: {\n// A\nx?: string,\n},\nb?: any,\n}) => any;\n\n"},
      {R"({"name":"w","parameters":{"properties":{"l":{"type":"array","items":{"type":"object",
           "properties":{"x":{"type":"string","description":"X"}}}}}}})",
       "type w = (_: {\nl?: Array<\n{\n// X\nx?: string,\n}\n>,\n}) => any;\n\n"},
  };
  for (const Row& row : rows) EXPECT_EQ(types_of(row.function), row.types);
}

TEST(ToolText, IsBoundedWhateverASchemaRefersTo) {
  // Each definition is two of the next: 2^60 of the last.
  std::string function = R"({"name":"f","parameters":{"properties":{"a":{"$ref":"#/$defs/d0"}},"$defs":{)";
  for (int i = 0; i < 60; ++i) {
    const std::string next = R"({"$ref":"#/$defs/d)" + std::to_string(i + 1) + "\"}";
    function += "\"d" + std::to_string(i) + R"(":{"anyOf":[)" + next + "," + next + "]},";
  }
  function += R"("d60":{"type":"string"}}}})";
  const auto tree = JsonTree::read(function);
  ASSERT_TRUE(tree);
  ToolText text;
  text.add(*tree, tree->root());
  EXPECT_FALSE(text.whole());
  EXPECT_LT(text.finish().size(), 2 * ToolText::kMostOctets);
}

TEST(ToolText, EndsWhereASchemaRefersToItself) {
  EXPECT_EQ(types_of(R"({"name":"f","parameters":{"properties":{"a":{"$ref":"#/$defs/T"}},
                "$defs":{"T":{"properties":{"next":{"$ref":"#/$defs/T"}}}}}})"),
            "type f = (_: { a?: { next?: any } }) => any;\n\n");
}

TEST(JsonTree, TakesOneValidValueOrNothing) {
  EXPECT_TRUE(JsonTree::read(R"( {"a":[1,{"b":null}],"c":"x"} )"));
  for (const char* broken : {"", "{", "{\"a\":}", "[1,]", "1 2", "{\"a\":1}x"}) {
    EXPECT_FALSE(JsonTree::read(broken)) << broken;
  }
  EXPECT_FALSE(JsonTree::read(std::string(200, '[') + std::string(200, ']')));
  std::string many = "[1";
  for (std::size_t i = 0; i < JsonTree::kMaxNodes; ++i) many += ",1";
  EXPECT_FALSE(JsonTree::read(many + "]"));
}

TEST(JsonPrint, WritesJsonAgain) {
  const std::string text =
      R"({ "a" : [ 1 , 2.0 ], "b" : { "required" : ["x"] , "t" : "\u00e9\/\n\u0001\"" } })";
  const auto tree = JsonTree::read(text);
  ASSERT_TRUE(tree);
  const auto printed = [&](JsonStyle style) {
    std::string out;
    append_json(out, *tree, tree->root(), style);
    return out;
  };
  EXPECT_EQ(printed(JsonStyle::compact),
            "{\"a\":[1,2.0],\"b\":{\"required\":[\"x\"],\"t\":\"\u00e9/\\n\\u0001\\\"\"}}");
  EXPECT_EQ(printed(JsonStyle::spaced),
            "{\"a\": [1, 2.0], \"b\": {\"required\": [\"x\"], \"t\": \"\u00e9/\\n\\u0001\\\"\"}}");
  EXPECT_EQ(printed(JsonStyle::schema), "{\"a\":[1,2.0],\"b\":{\"t\":\"\u00e9/\\n\\u0001\\\"\"}}");
}

TEST(JsonPrint, LeavesNamesOfASchemaAlone) {
  const auto tree = JsonTree::read(
      R"({"properties":{"required":{"type":"string","additionalProperties":false,"default":"x",
          "maxLength":3}},"required":["required"],"enum":[{"required":1}]})");
  ASSERT_TRUE(tree);
  std::string out;
  append_json(out, *tree, tree->root(), JsonStyle::schema);
  EXPECT_EQ(out, R"({"properties":{"required":{"type":"string"}},"enum":[{"required":1}]})");
}

}  // namespace
}  // namespace farebox
