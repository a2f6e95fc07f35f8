"""What training needs: optimizers, checkpoints, distillation, several processes."""
