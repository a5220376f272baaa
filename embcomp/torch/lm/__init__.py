"""Language models whose tables and layers are compressed: ``python -m embcomp.torch.lm``, see docs/models.md."""
