"""A random BERT of a few thousand weights over whole words, saved as a sentence encoder is."""

from pathlib import Path

from edt.fakes import COLOURS, SKILLS

WORDS = sorted({word for skill in SKILLS for word in skill.split()} | {"case", "which", "colour", *COLOURS})


def save_tiny_encoder(folder: Path) -> Path:
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import BertConfig, BertModel

    vocab = {word: n for n, word in enumerate(["[UNK]", *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocab), hidden_size=24, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        initializer_range=0.4,
    )  # fmt: skip
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder
