### The words of a share's page, in French.

decimal = ,
skip = Aller au contenu
shared-by = Partagé par { $name }
available-until = Disponible jusqu’au { $date }
language-name = Français
privacy = Politique de confidentialité

gate-heading = Ce partage est protégé
gate-hint = Saisissez le mot de passe qui vous a été donné.
password = Mot de passe
open = Ouvrir
password-wrong = Ce n’est pas le bon mot de passe. Vérifiez-le et réessayez.
password-missing = Saisissez le mot de passe.
too-many = Trop d’essais depuis votre réseau. Réessayez dans { $seconds ->
    [one] { $seconds } seconde
   *[other] { $seconds } secondes
}.
terms-heading = Conditions d’utilisation
terms-hint = Acceptez les conditions pour voir et télécharger ce qui est partagé avec vous.
accept = Accepter et continuer

items = { $count ->
    [one] { $count } élément
   *[other] { $count } éléments
}
select = Sélectionner { $title }
select-all = Tout sélectionner sur cette page
nothing-selected = Sélectionnez au moins un élément.
download = Télécharger
download-all = Tout télécharger
download-selected = Télécharger la sélection
as-format = Format
as-default = Formats par défaut
as-original = Originaux
view-only = Vous pouvez voir ces fichiers. Le téléchargement est désactivé.
downloads-left = { $count ->
    [one] { $count } téléchargement restant
   *[other] { $count } téléchargements restants
}
downloads-none = Il ne reste plus de téléchargement.
empty = Il ne reste rien dans ce partage.
unavailable = N’est plus disponible
all-items = Tous les éléments
pages = Pages
page-previous = Page précédente
page-next = Page suivante
page-at = Page { $place }
page-go = Aller à la page
item-previous = Précédent
item-next = Suivant

original = Original
formats = Formats
preview = Aperçu
no-preview = Il n’y a pas d’aperçu de ce fichier.
open-document = Ouvrir le document dans un autre onglet
frame-at = Vue { $place }
turn-hint = Faites glisser ou utilisez les flèches pour tourner.
download-frames = { $count ->
    [one] Télécharger l’unique vue dans un zip
   *[other] Télécharger les { $count } vues dans un zip
}
add-format = Ajouter un format
add-format-hint = L’image dans une autre taille ou un autre format de fichier. Elle n’est jamais agrandie.
crop = Recadrage
crop-hint = En pixels depuis le coin supérieur gauche. Vide : toute l’image.
crop-keys = Dessinez-le sur l’image ou faites-le glisser. Les flèches le déplacent, avec Maj elles le redimensionnent, Suppr reprend toute l’image.
crop-x = Depuis la gauche
crop-y = Depuis le haut
crop-width = Largeur du cadre
crop-height = Hauteur du cadre
width = Largeur en pixels
height = Hauteur en pixels
fit = Si les deux sont indiquées
fit-inside = Toute l’image à l’intérieur
fit-cover = Remplir et couper les bords
file-format = Format de fichier
quality = Qualité JPEG, de 1 à 100
format-download = Télécharger ce format
format-refused = Cette image n’est pas disponible dans cette taille ou ce format.
about = Informations
tags = Mots-clés
kind-AUDIO = Audio
kind-IMAGE = Image
kind-IMAGE_360 = Vue à 360°
kind-OTHER = Document
kind-PLAYLIST = Liste de lecture
kind-VIDEO = Vidéo
kind-URL = Lien

gone-heading = Ce partage est terminé
gone-detail = Il a expiré ou a été retiré. Demandez un nouveau lien à la personne qui vous l’a donné.
missing-heading = Il n’y a rien ici
missing-detail = Il n’y a rien à cette adresse. Vérifiez que le lien est complet.
foreign-heading = La demande n’a pas été acceptée
foreign-detail = La demande ne venait pas de cette page. Rien n’a été fait. Ouvrez à nouveau le lien et réessayez.
refused-heading = Ce n’est pas possible
refused-detail = Ce qui est demandé n’est pas fourni de cette façon.
busy-heading = Un instant
busy-detail = Il y a trop de demandes. Réessayez dans quelques secondes.
failed-heading = Un problème est survenu
failed-detail = L’erreur vient de nous, pas de vous. Réessayez plus tard. Référence : { $request }
back-to-share = Retour au partage
