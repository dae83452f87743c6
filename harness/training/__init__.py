"""How the bundled models were made: trained from scratch on Fashion-MNIST. Needs the extra [train].

Nothing outside this package imports it; the run-time path never needs torch.
"""
