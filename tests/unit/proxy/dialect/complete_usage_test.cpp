#include "proxy/dialect/complete_usage.hpp"

#include <gtest/gtest.h>

namespace farebox {
namespace {

TEST(CompleteUsage, VariantsAreSpelledAsThePriceCardsSpellThem) {
  EXPECT_EQ(image_variant("hd", "1024x1024"), "hd/1024-x-1024");
  EXPECT_EQ(image_variant("", "256x256"), "256-x-256");
  EXPECT_EQ(image_variant("auto", "1536x1024"), "1536-x-1024");
  EXPECT_EQ(image_variant("low", "1024*1536"), "low/1024-x-1536");
  for (const char* size : {"", "auto", "1024", "x1024", "1024x", "1K", "1024x1024x1"}) {
    EXPECT_EQ(image_variant("low", size), "") << size;
  }
}

std::string variant(const std::string& model, const std::string& quality, const std::string& size,
                    const std::string& told = "") {
  Route route;
  route.endpoint = Endpoint::images;
  BodyFacts facts;
  facts.quality = quality;
  facts.size = size;
  Usage usage;
  usage.images = 1;
  usage.variant = told;
  complete_usage(usage, route, facts, model);
  return usage.variant;
}

TEST(CompleteUsage, ImagesHaveTheSizeThatWasAskedForUnlessTheReplyTellsIt) {
  EXPECT_EQ(variant("dall-e-3", "", ""), "standard/1024-x-1024");
  EXPECT_EQ(variant("dall-e-3", "hd", "1792x1024"), "hd/1792-x-1024");
  EXPECT_EQ(variant("dall-e-2", "standard", "512x512"), "512-x-512");
  EXPECT_EQ(variant("", "", ""), "1024-x-1024");
  EXPECT_EQ(variant("gpt-image-1", "", ""), "");
  EXPECT_EQ(variant("gpt-image-1", "high", "1024x1024"), "high/1024-x-1024");
  EXPECT_EQ(variant("gpt-image-1", "auto", "auto", "low/1024-x-1024"), "low/1024-x-1024");
}

TEST(CompleteUsage, SpokenTextCountsItsCharacters) {
  Route route;
  route.endpoint = Endpoint::speech;
  BodyFacts facts;
  facts.characters = 12;
  Usage usage;
  complete_usage(usage, route, facts, "tts-1");
  EXPECT_EQ(usage.characters, 12u);
  EXPECT_EQ(usage.source, UsageSource::none);
  usage = Usage();
  usage.input = 10;  // reported as tokens
  complete_usage(usage, route, facts, "gpt-4o-mini-tts");
  EXPECT_EQ(usage.characters, 0u);
}

TEST(CompleteUsage, WhatTheProviderSaidStands) {
  Route route;
  route.endpoint = Endpoint::chat_completions;
  BodyFacts facts;
  facts.search_context = "high";
  Usage usage;
  usage.service_tier = "default";
  usage.search_context = "low";
  complete_usage(usage, route, facts, "m");
  EXPECT_EQ(usage.service_tier, "default");
  EXPECT_EQ(usage.search_context, "low");
  usage = Usage();
  complete_usage(usage, route, facts, "m");
  EXPECT_EQ(usage.search_context, "high");
  EXPECT_EQ(usage.service_tier, "") << "only the reply's own word sets the price";
}

TEST(CompleteUsage, AnnotationsAreMadeOfEveryPage) {
  Route route;
  route.endpoint = Endpoint::ocr;
  BodyFacts facts;
  facts.annotates = true;
  Usage usage;
  usage.pages = 3;
  complete_usage(usage, route, facts, "mistral-ocr-latest");
  EXPECT_EQ(usage.annotated_pages, 3u);
}

}  // namespace
}  // namespace farebox
